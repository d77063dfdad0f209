/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `zoetrope run` says on standard output: the address of the page, and with --status a line a second:
 * front 25.0 fps | preview 25.0 fps | objects 5.0/s 43 ms | boxes 180 ms old | drops 0
 */
#include "control.h"

#include <stdio.h>
#include <string.h>

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* p50 of a time in ms; < 0 = none yet. */
static double middle(const json_t *object, const char *key)
{
	const json_t *p50 = json_object_get(json_object_get(object, key), "p50");

	return p50 ? json_number_value(p50) : -1;
}

static void print_camera(const struct process *process)
{
	if (!strcmp(process->state, "streaming") && process->metrics)
		printf("%s %.1f fps", process->entry->name, number(process->metrics, "fps"));
	else
		printf("%s %s", process->entry->name, process->state);
}

static void print_preview(const struct process *preview, const json_t *metrics)
{
	if (!preview)
		return;
	if (strcmp(preview->state, "streaming") && strcmp(preview->state, "starting"))
		printf(" | preview %s", preview->state);
	else if (number(metrics, "viewers") > 0)
		printf(" | preview %.1f fps", number(metrics, "fps"));
	else
		printf(" | preview no viewer");
}

/* All detectors of a camera; the age of the boxes is that of the oldest. */
static void print_detectors(const struct control *control, const char *camera)
{
	double age_ms = -1;

	for (size_t i = 0; i < control->process_count; i++) {
		const struct process *process = &control->processes[i];
		if (strcmp(process->entry->section->role, "detector") ||
		    !control_config_watches(process->entry, camera))
			continue;
		const json_t *metrics = json_object_get(json_object_get(process->metrics, "cameras"), camera);
		double inference_ms = middle(metrics, "inference_ms"), age = middle(metrics, "age_ms");
		if (inference_ms < 0 || strcmp(process->state, "streaming"))
			printf(" | %s %s", process->entry->name, process->state);
		else
			printf(" | %s %.1f/s %.0f ms", process->entry->name, number(metrics, "fps"), inference_ms);
		age_ms = age > age_ms ? age : age_ms;
	}
	if (age_ms >= 0)
		printf(" | boxes %.0f ms old", age_ms);
}

void status_print(struct control *control)
{
	const struct process *preview = process_find(control, "preview", NULL);
	bool first = true;

	for (size_t i = 0; i < control->process_count; i++) {
		const struct process *process = &control->processes[i];
		const char *camera = process->entry->name;
		if (strcmp(process->entry->section->role, "camera"))
			continue;
		const json_t *shown =
		    json_object_get(json_object_get(preview ? preview->metrics : NULL, "cameras"), camera);
		if (!first)
			printf(" || ");
		first = false;
		print_camera(process);
		print_preview(preview, shown);
		print_detectors(control, camera);
		printf(" | drops %.0f", number(process->metrics, "drops") + number(shown, "drops"));
	}
	putchar('\n');
	fflush(stdout);
}

void status_print_address(struct control *control)
{
	const struct process *preview = process_find(control, "preview", NULL);
	const char *listen = preview ? channel_get_text(preview->metrics, "listen", NULL) : NULL;

	if (!listen || control->printed_address)
		return;
	control->printed_address = true;
	printf("zoetrope: live page on http://%s/\n", listen);
	fflush(stdout);
}
