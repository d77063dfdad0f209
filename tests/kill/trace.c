/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking by ptrace(2). Children are forked from this process after the library was loaded, so everything lies at the
 * same addresses in all of them; LD_BIND_NOW must be set, so that no call goes through the dynamic linker.
 */
#include "trace.h"
#include "zoetrope.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BREAKPOINT 0xccu

static struct {
	uintptr_t base;
	uintptr_t text, text_end;       /* the section .text: the library's own instructions */
	uintptr_t segment, segment_end; /* what is executable of the library: .text and the jump tables to libc */
} library;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "kill: %s\n", what);
	exit(2);
}

/* Sections of an ELF file that is open. */
static void read_sections(FILE *file)
{
	Elf64_Ehdr head;
	Elf64_Shdr names, section;
	char name[16];

	if (fread(&head, sizeof(head), 1, file) != 1 ||
	    fseek(file, (long)(head.e_shoff + head.e_shstrndx * sizeof(names)), SEEK_SET) ||
	    fread(&names, sizeof(names), 1, file) != 1)
		give_up("the library's file cannot be read");
	for (unsigned i = 0; i < head.e_shnum; i++) {
		if (fseek(file, (long)(head.e_shoff + i * sizeof(section)), SEEK_SET) ||
		    fread(&section, sizeof(section), 1, file) != 1 ||
		    fseek(file, (long)(names.sh_offset + section.sh_name), SEEK_SET) || !fread(name, 1, 6, file))
			give_up("the library's sections cannot be read");
		if (!memcmp(name, ".text", 6)) {
			library.text = library.base + section.sh_addr;
			library.text_end = library.text + section.sh_size;
		}
	}
}

static int find_segment(struct dl_phdr_info *info, size_t size, void *user)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (info->dlpi_addr != library.base || p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		library.segment = library.base + p->p_vaddr;
		library.segment_end = library.segment + p->p_memsz;
	}
	return 0;
}

void trace_find_library(void)
{
	void *symbol = dlsym(RTLD_DEFAULT, "zoe_loan");
	Dl_info info;

	if (!symbol || !dladdr(symbol, &info) || !strstr(info.dli_fname, "zoetrope.so"))
		give_up("libzoetrope is not linked as a shared library");
	library.base = (uintptr_t)info.dli_fbase;
	FILE *file = fopen(info.dli_fname, "rb");

	if (!file)
		give_up("the library's file cannot be opened");
	read_sections(file);
	fclose(file);
	dl_iterate_phdr(find_segment, NULL);
	if (!library.text || !library.segment)
		give_up("the library's instructions were not found");
}

bool trace_inside(uintptr_t at)
{
	return at >= library.text && at < library.text_end;
}

uintptr_t trace_offset(uintptr_t at)
{
	return at - library.base;
}

bool trace_atomic(uintptr_t at)
{
	const uint8_t *code = (const uint8_t *)at;

	if (*code == 0xf0)
		return true;
	if ((*code & 0xf0) == 0x40)
		code++;
	return (*code == 0x86 || *code == 0x87) && code[1] < 0xc0;
}

bool trace_swap(uintptr_t at)
{
	const uint8_t *code = (const uint8_t *)at;

	if (*code++ != 0xf0)
		return false;
	if ((*code & 0xf0) == 0x40)
		code++;
	return code[0] == 0x0f && code[1] == 0xb1;
}

/* ---- one move of the child --------------------------------------------------------------------------------- */

/* Wait for the child. SIGTRAP is AT_POINT, SIGSTOP the end; any other signal is passed on and usually its death. */
static enum stop wait_child(pid_t pid)
{
	for (;;) {
		int status;

		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return AT_DEATH;
		if (WSTOPSIG(status) == SIGTRAP)
			return AT_POINT;
		if (WSTOPSIG(status) == SIGSTOP)
			return AT_END;
		if (ptrace(PTRACE_CONT, pid, NULL, WSTOPSIG(status)) < 0)
			return AT_DEATH;
	}
}

enum stop trace_wait_stop(pid_t pid)
{
	return wait_child(pid);
}

static uintptr_t peek(pid_t pid, uintptr_t at)
{
	return (uintptr_t)ptrace(PTRACE_PEEKDATA, pid, at, NULL);
}

static uintptr_t user_word(pid_t pid, size_t offset)
{
	return (uintptr_t)ptrace(PTRACE_PEEKUSER, pid, offset, NULL);
}

static uintptr_t where(pid_t pid)
{
	return user_word(pid, offsetof(struct user_regs_struct, rip));
}

static uintptr_t return_address(pid_t pid)
{
	return peek(pid, user_word(pid, offsetof(struct user_regs_struct, rsp)));
}

static enum stop single_step(pid_t pid)
{
	return ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ? AT_DEATH : wait_child(pid);
}

/* Run to the instruction at `at`. The change of the text is the child's own copy of the page. */
static enum stop run_to(pid_t pid, uintptr_t at)
{
	uintptr_t word = peek(pid, at);
	enum stop stop;

	if (where(pid) == at)
		return AT_POINT;
	ptrace(PTRACE_POKEDATA, pid, at, (word & ~(uintptr_t)0xff) | BREAKPOINT);
	if (ptrace(PTRACE_CONT, pid, NULL, NULL) < 0)
		return AT_DEATH;
	stop = wait_child(pid);
	if (stop == AT_DEATH)
		return stop;
	ptrace(PTRACE_POKEDATA, pid, at, word);
	if (stop == AT_POINT)
		ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), at);
	return stop;
}

/* Step until the child is out of the library and its jump tables, or back in its text. */
static enum stop leave_tables(pid_t pid)
{
	for (;;) {
		uintptr_t at = where(pid);
		enum stop stop;

		if (trace_inside(at) || at < library.segment || at >= library.segment_end)
			return AT_POINT;
		stop = single_step(pid);
		if (stop != AT_POINT)
			return stop;
	}
}

/* In this program's own code, or in what it calls: step until the library is entered again. */
static enum stop pass_program(pid_t pid)
{
	while (!trace_inside(where(pid))) {
		enum stop stop = single_step(pid);

		if (stop != AT_POINT)
			return stop;
	}
	return AT_POINT;
}

/* scandirat() calls back into the library: its inside is walked as well. */
static bool calls_back(uintptr_t function)
{
	static uintptr_t scan;

	if (!scan)
		scan = (uintptr_t)dlsym(RTLD_DEFAULT, "scandirat");
	return function == scan;
}

/* From one instruction of the library to the next one. out_call: the function of libc that lay between. */
static enum stop next_instruction(pid_t pid, uintptr_t *out_call)
{
	/* returning is leaving for this program, or for a function of libc that called back */
	bool returns = *(const uint8_t *)where(pid) == 0xc3;
	enum stop stop = single_step(pid);
	uintptr_t at;

	*out_call = 0;
	if (stop == AT_POINT)
		stop = leave_tables(pid);
	if (stop != AT_POINT)
		return stop;
	at = where(pid);
	if (trace_inside(at))
		return AT_POINT;
	if (returns)
		return pass_program(pid);
	*out_call = at;
	if (calls_back(at))
		return pass_program(pid);
	stop = run_to(pid, return_address(pid));
	return stop == AT_POINT ? pass_program(pid) : stop;
}

/* ---- walks and leaps --------------------------------------------------------------------------------------- */

static void note(struct walk *walk, uintptr_t at)
{
	if (walk->count == walk->room) {
		walk->room = walk->room ? 2 * walk->room : 4096;
		walk->steps = realloc(walk->steps, walk->room * sizeof(*walk->steps));
		if (!walk->steps)
			give_up("no memory");
	}
	walk->steps[walk->count++] = (struct step){.at = at};
}

/* Which time each instruction comes by. */
static void number(struct walk *walk)
{
	unsigned *times = calloc(library.text_end - library.text, sizeof(*times));

	if (!times)
		give_up("no memory");
	for (size_t i = 0; i < walk->count; i++)
		walk->steps[i].nth = ++times[walk->steps[i].at - library.text];
	for (size_t i = 0; i < walk->count; i++)
		walk->steps[i].last = walk->steps[i].nth == times[walk->steps[i].at - library.text];
	free(times);
}

enum stop trace_walk(pid_t pid, struct walk *walk)
{
	enum stop stop = AT_POINT;

	if (!walk)
		return ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 ? AT_DEATH : wait_child(pid);
	if (!trace_inside(where(pid)))
		stop = pass_program(pid);
	while (stop == AT_POINT) {
		uintptr_t call;

		note(walk, where(pid));
		stop = next_instruction(pid, &call);
		walk->steps[walk->count - 1].call = call;
	}
	number(walk);
	return stop;
}

enum stop trace_walk_atomics(pid_t pid, unsigned count, struct point *out)
{
	enum stop stop = trace_inside(where(pid)) ? AT_POINT : pass_program(pid);
	struct walk walk = {.count = 0};
	unsigned done = 0;

	while (stop == AT_POINT && done < count) {
		uintptr_t call;

		note(&walk, where(pid));
		done += trace_atomic(where(pid));
		stop = next_instruction(pid, &call);
	}
	*out = (struct point){.at = where(pid), .nth = 1};
	for (size_t i = 0; i < walk.count; i++)
		out->nth += walk.steps[i].at == out->at;
	free(walk.steps);
	return stop;
}

enum stop trace_leap(pid_t pid, struct point point)
{
	enum stop stop = AT_POINT;

	for (unsigned i = 0; stop == AT_POINT; i++) {
		if (i > 0)
			stop = single_step(pid);
		if (stop == AT_POINT)
			stop = run_to(pid, point.at);
		if (stop == AT_POINT && i + 1 == point.nth)
			return AT_POINT;
	}
	return stop;
}

enum stop trace_fail_call(pid_t pid, int64_t result, int error)
{
	enum stop stop = single_step(pid);
	struct user_regs_struct regs;
	uintptr_t at = (uintptr_t)&errno; /* the child is a copy of this thread: its errno lies at the same place */

	if (stop == AT_POINT)
		stop = leave_tables(pid);
	if (stop != AT_POINT || ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return stop;
	regs.rip = peek(pid, regs.rsp);
	regs.rsp += 8;
	regs.rax = (unsigned long long)result;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	ptrace(PTRACE_POKEDATA, pid, at, (peek(pid, at) & ~(uintptr_t)0xffffffff) | (unsigned)error);
	return trace_inside(regs.rip) ? AT_POINT : pass_program(pid);
}

enum stop trace_fail_swap(pid_t pid)
{
	const size_t expected = offsetof(struct user_regs_struct, rax);

	if (ptrace(PTRACE_POKEUSER, pid, expected, user_word(pid, expected) + 1) < 0)
		return AT_DEATH;
	return single_step(pid);
}
