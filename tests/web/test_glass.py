# SPDX-License-Identifier: Apache-2.0
"""Glass to glass without a camera: the test source draws its time as marks, and the browser reads them back from the pixels of the
picture that it shows, at each frame of the screen."""
# limit: 180 s
import time

from support import wait_for
from support.browser import Browser
from support.marks import block_side, crc16
from support.wait import promised
from support.zoetrope import Zoetrope

FPS = 30
WATCH = """
const [side, canvas] = [arguments[0], document.querySelector(".camera canvas")];
window.seen = [];
let before = "";
const look = () => {
	const marks = canvas.getContext("2d").getImageData(0, 0, 18 * side, 8 * side).data;
	let bits = "";
	for (let bit = 0; bit < 144; bit++) {
		const x = (bit % 18) * side + side / 2, y = Math.floor(bit / 18) * side + side / 2;
		bits += marks[4 * (y * 18 * side + x) + 1] > 127 ? "1" : "0";
	}
	if (bits !== before)
		window.seen.push([bits, performance.timeOrigin + performance.now()]);
	before = bits;
	requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def decode(bits):
    """(frame number, capture time in s), or None."""
    data = int(bits, 2).to_bytes(18, "big")
    if crc16(data[:16]) != int.from_bytes(data[16:], "big"):
        return None
    return int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big") / 1e9


def test_from_the_marks_drawn_to_the_marks_shown():
    config = {"cameras": {"front": {"source": "test:", "width": 1280, "height": 720, "fps": FPS}}, "preview": {}}
    with Zoetrope(config) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(30, seconds=60)
        browser.run(WATCH, block_side(1280, 720))
        wait_for(lambda: browser.run("return seen.length") > 80, 100, "80 pictures")
        offset = time.time() - time.monotonic()
        read = [(decode(bits), wall / 1000 - offset) for bits, wall in browser.run("return seen")]
        assert all(found for found, _ in read[1:]), "some marks on the page cannot be read"
        numbers = [found[0] for found, _ in read[1:]]
        assert numbers == sorted(numbers)
        shown = [when for _, when in read]
        steps, seconds = sorted(later - before for before, later in zip(shown, shown[1:])), shown[-1] - shown[0]
        print(f"measured: the pixels changed {len(steps)} times in {seconds:.2f} s, {len(steps) / seconds:.1f} times a second; the camera makes {FPS}")
        assert len(steps) < 1.1 * FPS * seconds + 5, "pictures that the camera did not make"
        promised("from one picture on the page to the next, p50", steps[len(steps) // 2], 1 / FPS)
        late = sorted(shown - found[1] for found, shown in read[1:])
        p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
        print(f"measured: marks drawn to marks shown on the page, {len(late)} pictures: p50 {1000 * p50:.1f} ms, p99 {1000 * p99:.1f} ms")
        assert late[0] > 0
        promised("glass to glass, p50", p50, 0.1)
