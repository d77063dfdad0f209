/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a file with libyaml and walks it. Aliases may make a cycle; every walk here goes down a fixed number of levels.
 */
#include "yaml_file.h"
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define FILE_MAX (1024 * 1024) /* bytes; a configuration of a thousand cameras has some 100 KB */

struct yaml {
	yaml_document_t document;
	char *file;
	char *error;
};

int yaml_fail(struct yaml *yaml, unsigned line, const char *format, ...)
{
	char text[YAML_ERROR_BYTES - 300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (line)
		snprintf(yaml->error, YAML_ERROR_BYTES, "%.250s:%u: %s", yaml->file, line, text);
	else
		snprintf(yaml->error, YAML_ERROR_BYTES, "%.250s: %s", yaml->file, text);
	return -EINVAL;
}

int yaml_unknown(struct yaml *yaml, unsigned line, const char *path, const char *key, const char *nearest)
{
	return yaml_fail(yaml, line, "key '%s%s%.60s' is not known%s%s%s", path, *path ? "." : "", key,
	                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* All of a file, zero-terminated. */
static int read_file(int fd, char **out, size_t *out_size)
{
	char *text = malloc(FILE_MAX + 1);
	size_t size = 0;
	ssize_t count = 1;

	if (!text)
		return -ENOMEM;
	while (count > 0 && size < FILE_MAX) {
		count = read(fd, text + size, FILE_MAX - size);
		size += count > 0 ? (size_t)count : 0;
	}
	int status = count < 0 ? -errno : count > 0 ? -EFBIG : 0;
	if (status < 0) {
		free(text);
		return status;
	}
	text[size] = 0;
	*out = text;
	*out_size = size;
	return 0;
}

static int load_file(struct yaml *yaml, char **out, size_t *out_size)
{
	int fd = open(yaml->file, O_RDONLY | O_CLOEXEC);
	int status = fd < 0 ? -errno : read_file(fd, out, out_size);

	if (fd >= 0)
		close(fd);
	if (status == -EISDIR)
		yaml_fail(yaml, 0, "is a folder; wanted a YAML file");
	else if (status == -EFBIG)
		yaml_fail(yaml, 0, "has more than %d bytes; wanted a YAML file", FILE_MAX);
	else if (status < 0)
		yaml_fail(yaml, 0, "cannot be read: %s", strerror(-status));
	return status;
}

static int parse_failed(struct yaml *yaml, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "it cannot be read";
	unsigned line = (unsigned)parser->problem_mark.line + 1;

	if (parser->error == YAML_MEMORY_ERROR)
		return yaml_fail(yaml, 0, "out of memory");
	if (parser->error == YAML_READER_ERROR)
		return yaml_fail(yaml, 0, "is not YAML: %s at byte %zu", problem, parser->problem_offset);
	/* "source: test:" inside braces is what people write, and libyaml's words do not help them */
	const char *hint = strstr(problem, "unexpected ':'") ? "; put a value that ends with a colon in quotes" : "";

	return yaml_fail(yaml, line, "is not YAML: %s%s%s%s", problem, parser->context ? ", " : "",
	                 parser->context ? parser->context : "", hint);
}

/* Nothing but one document. *out_loaded = yaml->document is to be deleted. */
static int parse(struct yaml *yaml, const char *text, size_t size, bool *out_loaded)
{
	yaml_parser_t parser;
	yaml_document_t second;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	int status = 0;
	if (!yaml_parser_load(&parser, &yaml->document)) {
		status = parse_failed(yaml, &parser);
	} else {
		*out_loaded = true;
		if (!yaml_parser_load(&parser, &second)) {
			status = parse_failed(yaml, &parser);
		} else {
			yaml_node_t *root = yaml_document_get_root_node(&second);
			if (root)
				status = yaml_fail(yaml, (unsigned)root->start_mark.line + 1,
				                   "a second document begins; wanted one");
			yaml_document_delete(&second);
		}
	}
	yaml_parser_delete(&parser);
	return status;
}

int yaml_open(const char *path, const char *wanted, struct yaml **out, char *error)
{
	struct yaml *yaml = calloc(1, sizeof *yaml);
	char *text = NULL;
	size_t size = 0;
	bool loaded = false;

	if (yaml)
		*yaml = (struct yaml){.file = strdup(path), .error = error};
	if (!yaml || !yaml->file) {
		free(yaml);
		snprintf(error, YAML_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	int status = load_file(yaml, &text, &size);
	if (!status)
		status = parse(yaml, text, size, &loaded);
	free(text);
	if (!status && !yaml_document_get_root_node(&yaml->document))
		status = yaml_fail(yaml, 0, "is empty; wanted %s", wanted);
	if (status < 0) {
		if (loaded)
			yaml_document_delete(&yaml->document);
		free(yaml->file);
		free(yaml);
		return status;
	}
	*out = yaml;
	return 0;
}

void yaml_close(struct yaml *yaml)
{
	if (!yaml)
		return;
	yaml_document_delete(&yaml->document);
	free(yaml->file);
	free(yaml);
}

int yaml_root(const struct yaml *yaml)
{
	return 1; /* libyaml counts nodes from 1, the root first */
}

static const yaml_node_t *node_of(const struct yaml *yaml, int node)
{
	return yaml_document_get_node((yaml_document_t *)&yaml->document, node);
}

static const char *scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

bool yaml_next(const struct yaml *yaml, int node, size_t *at, struct yaml_pair *out)
{
	const yaml_node_t *mapping = node_of(yaml, node);

	if (mapping->type != YAML_MAPPING_NODE)
		return false;
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start + *at;
	if (pair >= mapping->data.mapping.pairs.top)
		return false;
	const yaml_node_t *key = node_of(yaml, pair->key);
	*out = (struct yaml_pair){.key = scalar(key), .value = pair->value, .line = (unsigned)key->start_mark.line + 1};
	++*at;
	return true;
}

static int check_mapping(struct yaml *yaml, int node)
{
	struct yaml_pair pair, before;

	for (size_t at = 0; yaml_next(yaml, node, &at, &pair);) {
		if (!pair.key)
			return yaml_fail(yaml, pair.line, "wanted a key, found a list or keys of its own");
		for (size_t earlier = 0; earlier + 1 < at;) {
			yaml_next(yaml, node, &earlier, &before);
			if (!strcmp(before.key, pair.key))
				return yaml_fail(yaml, pair.line,
				                 "key '%.60s' stands there twice; the first one is in line %u",
				                 pair.key, before.line);
		}
	}
	return 0;
}

int yaml_check_keys(struct yaml *yaml)
{
	int status = 0;

	for (int node = 1; !status && node_of(yaml, node); node++)
		status = check_mapping(yaml, node);
	return status;
}

static bool is_empty(const yaml_node_t *node)
{
	const char *text = scalar(node);

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

static const char *kind(const yaml_node_t *node)
{
	return node->type == YAML_SEQUENCE_NODE ? "a list" : node->type == YAML_MAPPING_NODE ? "keys" : "text";
}

int yaml_wants_keys(struct yaml *yaml, int node, const char *path)
{
	const yaml_node_t *value = node_of(yaml, node);
	unsigned line = (unsigned)value->start_mark.line + 1;

	if (value->type == YAML_MAPPING_NODE || (*path && is_empty(value)))
		return 0;
	if (!*path)
		return yaml_fail(yaml, line, "wanted keys such as cameras:, found %s", kind(value));
	if (scalar(value))
		return yaml_fail(yaml, line, "key '%s': wanted keys, found '%.60s'", path, scalar(value));
	return yaml_fail(yaml, line, "key '%s': wanted keys, found %s", path, kind(value));
}

static char *join(const struct yaml *yaml, const yaml_node_t *list, char *error)
{
	const yaml_node_item_t *first = list->data.sequence.items.start;
	size_t count = (size_t)(list->data.sequence.items.top - first);
	char **items = calloc(count + 1, sizeof *items), *joined = NULL;

	snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
	for (size_t i = 0; items && i < count; i++) {
		items[i] = (char *)scalar(node_of(yaml, first[i]));
		if (!items[i] || !*items[i]) {
			snprintf(error, OPTIONS_ERROR_BYTES, "wanted a list of texts; its item %zu is %s", i + 1,
			         items[i] ? "empty" : kind(node_of(yaml, first[i])));
			free(items);
			return NULL;
		}
	}
	if (items)
		joined = options_join(items, count);
	free(items);
	return joined;
}

/* A mapping of scalars as list "key=value". */
static char *join_pairs(const struct yaml *yaml, const yaml_node_t *mapping, char *error)
{
	const yaml_node_pair_t *first = mapping->data.mapping.pairs.start;
	size_t count = (size_t)(mapping->data.mapping.pairs.top - first);
	char **items = calloc(count + 1, sizeof *items), *joined = NULL;
	bool good = items != NULL;

	snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
	for (size_t i = 0; good && i < count; i++) {
		const char *key = scalar(node_of(yaml, first[i].key));
		const yaml_node_t *value = node_of(yaml, first[i].value);
		good = scalar(value) && asprintf(&items[i], "%s=%s", key, scalar(value)) >= 0;
		if (!scalar(value))
			snprintf(error, OPTIONS_ERROR_BYTES, "wanted a value for '%.60s', found %s", key, kind(value));
	}
	if (good)
		joined = options_join(items, count);
	for (size_t i = 0; items && i < count; i++)
		free(items[i]);
	free(items);
	return joined;
}

char *yaml_text(const struct yaml *yaml, int node, const struct option_row *row, char *error)
{
	const yaml_node_t *value = node_of(yaml, node);
	bool is_list = row->type == OPTION_LIST;

	if (is_list && row->choices && value->type == YAML_MAPPING_NODE)
		return join_pairs(yaml, value, error);
	if (is_list && value->type == YAML_SEQUENCE_NODE)
		return join(yaml, value, error);
	if (is_list) {
		snprintf(error, OPTIONS_ERROR_BYTES, "wanted %s, found %s%.60s%s",
		         row->choices ? "keys such as {a: 1, b: 2}" : "a list such as [a, b]", scalar(value) ? "'" : "",
		         scalar(value) ? scalar(value) : kind(value), scalar(value) ? "'" : "");
		return NULL;
	}
	if (!scalar(value)) {
		snprintf(error, OPTIONS_ERROR_BYTES, "wanted one value, found %s", kind(value));
		return NULL;
	}
	snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
	return strdup(scalar(value));
}
