/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain checks in C. A test program holds cases, TEST(name) { ... }; tests/run starts each case in a process, a domain
 * (ZOETROPE_DOMAIN) and a temporary working folder of its own, with a time limit, and looks for what it left behind.
 *
 *   program --list      names, one a line
 *   program NAME        run one case here; exit status 0 passed, 1 failed
 */
#ifndef ZOETROPE_CHECK_H
#define ZOETROPE_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check_case {
	const char *name;
	void (*run)(void);
	struct check_case *next;
};
void check_register(struct check_case *test);
/* Print where and what, end the process with status 1. */
_Noreturn void check_failed(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define TEST(name)                                                         \
	static void test_##name(void);                                     \
	static struct check_case case_##name = {#name, test_##name, NULL}; \
	__attribute__((constructor)) static void register_##name(void)     \
	{                                                                  \
		check_register(&case_##name);                              \
	}                                                                  \
	static void test_##name(void)

#define CHECK(what)                                                    \
	do {                                                           \
		if (!(what))                                           \
			check_failed(__FILE__, __LINE__, "%s", #what); \
	} while (0)

/* Integers, compared as int64_t. */
#define CHECK_EQ(got, wanted)                                                                                   \
	do {                                                                                                    \
		int64_t got_ = (int64_t)(got), wanted_ = (int64_t)(wanted);                                     \
		if (got_ != wanted_)                                                                            \
			check_failed(__FILE__, __LINE__, "%s is %lld, wanted %s = %lld", #got, (long long)got_, \
			             #wanted, (long long)wanted_);                                              \
	} while (0)

/* A call of the library that must succeed. */
#define CHECK_OK(call)                                                                                           \
	do {                                                                                                     \
		int status_ = (call);                                                                            \
		if (status_ < 0)                                                                                 \
			check_failed(__FILE__, __LINE__, "%s: %s (%s)", #call, strerror(-status_), zoe_error()); \
	} while (0)

/* The text `got` contains `part`. */
#define CHECK_HAS(got, part)                                                                                      \
	do {                                                                                                      \
		const char *got_ = (got), *part_ = (part);                                                        \
		if (!strstr(got_, part_))                                                                         \
			check_failed(__FILE__, __LINE__, "%s is \"%s\", wanted it to contain \"%s\"", #got, got_, \
			             part_);                                                                      \
	} while (0)

#endif
