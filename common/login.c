/* SPDX-License-Identifier: Apache-2.0 */
/* See login.h. The texts are written by people and quoted by GStreamer, so all that could be a secret is taken for one. */
#include "login.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define SECRET_LEAST 3 /* shorter ones would be found in every word */

struct span {
	size_t begin, end;
};

/* The first secret of a kind that begins at or behind `from`. */
typedef bool secret_find(const char *text, size_t from, struct span *out);

/* The end of a word that begins at `at`: as in gst-launch, quotes hold it together, and a backslash the next character. */
static size_t word_end(const char *text, size_t at, char quote)
{
	for (; text[at]; at++) {
		if (text[at] == '\\' && text[at + 1])
			at++;
		else if (quote ? text[at] == quote : isspace((unsigned char)text[at]) != 0)
			break;
	}
	return at;
}

/* The next address: from behind "://" to its end. */
static bool find_address(const char *text, size_t from, struct span *out)
{
	const char *mark = strstr(text + from, "://");
	if (!mark)
		return false;
	size_t scheme = (size_t)(mark - text);
	while (scheme && (isalnum((unsigned char)text[scheme - 1]) || strchr("+-.", text[scheme - 1])))
		scheme--;
	char before = scheme ? text[scheme - 1] : 0;
	out->begin = (size_t)(mark - text) + 3;
	out->end = word_end(text, out->begin, before == '"' || before == '\'' ? before : 0);
	return true;
}

static bool find_user(const char *text, size_t from, struct span *out)
{
	for (struct span address; find_address(text, from, &address); from = address.begin) {
		for (size_t at = address.end; at > address.begin; at--) {
			if (text[at - 1] == '@') {
				*out = (struct span){address.begin, at};
				return true;
			}
		}
	}
	return false;
}

static bool find_query(const char *text, size_t from, struct span *out)
{
	for (struct span address; find_address(text, from, &address); from = address.begin) {
		size_t at = address.begin + strcspn(text + address.begin, "?=&#");
		if (at < address.end) {
			*out = (struct span){at, address.end};
			return true;
		}
	}
	return false;
}

static bool speaks_of_secret(const char *name, size_t length)
{
	static const char *const words[] = {"pw",         "pass",   "secret", "token", "auth", "login",
	                                    "credential", "cookie", "header", "user",  "key"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t at = 0; at + strlen(words[i]) <= length; at++)
			if (strncasecmp(name + at, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

static bool find_property(const char *text, size_t from, struct span *out)
{
	for (const char *sign = strchr(text + from, '='); sign; sign = strchr(sign + 1, '=')) {
		size_t name_end = (size_t)(sign - text), value = name_end + 1;
		while (name_end && isspace((unsigned char)text[name_end - 1]))
			name_end--;
		size_t name = name_end;
		while (name && (isalnum((unsigned char)text[name - 1]) || strchr("-_:.", text[name - 1])))
			name--;
		while (isspace((unsigned char)text[value]))
			value++;
		char quote = text[value] == '"' || text[value] == '\'' ? text[value] : 0;
		size_t end = word_end(text, value + (quote != 0), quote);
		if (end > value && speaks_of_secret(text + name, name_end - name)) {
			*out = (struct span){value, end + (quote && text[end])};
			return true;
		}
	}
	return false;
}

static secret_find *const finders[] = {find_user, find_query, find_property};
#define FINDERS (sizeof(finders) / sizeof(finders[0]))

static void cut_out(char *text, size_t begin, size_t end)
{
	memmove(text + begin, text + end, strlen(text + end) + 1);
}

/* A property keeps a star for its value: the word behind it would be taken for that, when the text is looked at again. */
void login_hide(char *text)
{
	struct span span;
	for (size_t i = 0; i < FINDERS; i++) {
		size_t kept = finders[i] == find_property;
		for (size_t from = 0; finders[i](text, from, &span); from = span.begin + kept) {
			memset(text + span.begin, '*', kept);
			cut_out(text, span.begin + kept, span.end);
		}
	}
}

/* Is there more in it than variables and what separates them? */
static bool is_written_out(const char *text, struct span span)
{
	for (size_t at = span.begin; at < span.end; at++) {
		const char *end = strncmp(text + at, "${", 2) == 0 ? strchr(text + at, '}') : NULL;
		if (end)
			at = (size_t)(end - text);
		else if (!strchr(":@\"'", text[at]))
			return true;
	}
	return false;
}

bool login_is_plain(const char *text)
{
	struct span span;
	for (size_t i = 0; i < FINDERS; i++)
		for (size_t from = 0; finders[i](text, from, &span); from = span.end)
			if (is_written_out(text, span))
				return true;
	return false;
}

static void hide_word(char *text, const char *word, size_t length)
{
	for (size_t at = 0; length >= SECRET_LEAST && text[at];) {
		if (strncmp(text + at, word, length) == 0)
			cut_out(text, at, at + length);
		else
			at++;
	}
}

void login_hide_all(char *text, const char *about)
{
	struct span span;
	for (size_t i = 0; i < FINDERS; i++) {
		for (size_t from = 0; finders[i](about, from, &span); from = span.end) {
			/* of "user:password@" each by itself; of a property what is within its quotes */
			size_t begin = span.begin + (about[span.begin] == '"' || about[span.begin] == '\'');
			size_t end = span.end - (strchr("@\"'", about[span.end - 1]) != NULL);
			const char *colon = i == 0 ? memchr(about + begin, ':', end - begin) : NULL;
			if (begin >= end)
				continue;
			hide_word(text, about + begin, end - begin);
			if (colon)
				hide_word(text, colon + 1, (size_t)(about + end - colon - 1));
		}
	}
	login_hide(text);
}
