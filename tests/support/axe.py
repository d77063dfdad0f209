# SPDX-License-Identifier: Apache-2.0
"""axe-core (Deque's accessibility rules) on a page in the browser; tools/fetch-axe fetches it."""
from support.zoetrope import cached


def violations(browser):
    """One line for each rule that the page breaks, with the elements that break it."""
    with open(cached("axe.min.js"), encoding="utf-8") as stream:
        browser.run(stream.read())
    browser.driver.set_script_timeout(120)  # a busy machine takes its time for all the rules
    result = browser.driver.execute_async_script("""
        const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ["violations"]}).then(done, (error) => done({violations: [{id: String(error), help: "", nodes: []}]}));
    """)
    return [f"{one['id']}: {one['help']}: " + "; ".join(node["html"][:200] + " " + node["failureSummary"] for node in one["nodes"])
            for one in result["violations"]]
