/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See recorder.h. A file appears under its name only when it is complete, the JSON before the JPEG: who sees a picture
 * finds its description.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recorder.h"

#define STILL_NAME_BYTES 64
#define STILL_TEMPORARY  ".still-"

static int still_fail(int status, const char *path, char *error)
{
	const char *advice = status == -ENOSPC || status == -EDQUOT ? "make room there"
	                                                            : "set save.folder to a folder that can be written";
	snprintf(error, STILL_ERROR_BYTES, "cannot write stills to %.120s: %s; %s, or turn saving off", path,
	         strerror(-status), advice);
	return status;
}

/* mkdir -p */
static int still_make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int status = mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (status < 0)
			return status;
	}
	return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

static void still_sweep(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	if (!folder) {
		if (copy >= 0)
			close(copy);
		return;
	}
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (!strncmp(entry->d_name, STILL_TEMPORARY, strlen(STILL_TEMPORARY)))
			unlinkat(fd, entry->d_name, 0);
	closedir(folder);
}

int still_folder_open(struct still_folder *folder, const char *root, const char *camera, char *error)
{
	still_folder_close(folder);
	int length = snprintf(folder->path, sizeof(folder->path), "%s/%s", root, camera);
	if (length < 0 || (size_t)length >= sizeof(folder->path))
		return still_fail(-ENAMETOOLONG, root, error);
	int status = still_make_folders(folder->path);
	if (status < 0)
		return still_fail(status, folder->path, error);
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		return still_fail(-errno, folder->path, error);
	if (faccessat(folder->fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		status = -errno;
		still_folder_close(folder);
		return still_fail(status, folder->path, error);
	}
	still_sweep(folder->fd);
	return 0;
}

void still_folder_close(struct still_folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	folder->fd = -1;
}

static int still_put(int folder, const char *name, const void *data, size_t size)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	int status = 0;
	for (size_t done = 0; done < size && !status;) {
		ssize_t count = write(fd, (const char *)data + done, size - done);
		if (count >= 0)
			done += (size_t)count;
		else if (errno != EINTR)
			status = -errno;
	}
	if (close(fd) < 0 && !status)
		status = -errno;
	return status;
}

/* The wall clock when the frame was captured. */
static struct timespec still_wall(int64_t capture_ns)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t ns = now.tv_sec * 1000000000LL + now.tv_nsec - (zoe_now_ns() - capture_ns);
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static json_t *still_results(const struct still *still)
{
	json_t *results = json_array();
	for (size_t i = 0; i < DETECTORS_MAX; i++) {
		const struct result *result = still->results->results[i];
		if (!result || !result->head.magic || !result_fresh(result, still->frame->capture_ns))
			continue;
		json_t *json = result_json(result, still->camera);
		json_object_set_new(
		    json, "age", json_real((double)(still->frame->capture_ns - result->head.source_capture_ns) / 1e9));
		json_array_append_new(results, json);
	}
	return results;
}

static char *still_describe(const struct still *still, const char *file, const struct timespec *wall)
{
	const struct zoe_frame *frame = still->frame;
	char format[5], second[32], moment[64];
	zoe_format_name(frame->image.format, format);
	struct tm utc;
	gmtime_r(&wall->tv_sec, &utc);
	strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(moment, sizeof(moment), "%s.%06ldZ", second, wall->tv_nsec / 1000);
	json_t *json = json_pack("{s:s, s:s, s:I, s:f, s:f, s:s, s:I, s:I, s:s, s:o}", "camera", still->camera, "file",
	                         file, "sequence", (json_int_t)frame->seq, "capture_time",
	                         (double)frame->capture_ns / 1e9, "publish_time", (double)frame->publish_ns / 1e9,
	                         "capture_wall_time", moment, "width", (json_int_t)frame->image.width, "height",
	                         (json_int_t)frame->image.height, "format", format, "detections", still_results(still));
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(16)) : NULL;
	json_decref(json);
	return text;
}

static int still_place(int folder, const char *name, const char *suffix, const void *data, size_t size)
{
	char temporary[STILL_NAME_BYTES + 16], final[STILL_NAME_BYTES + 8];
	snprintf(temporary, sizeof(temporary), STILL_TEMPORARY "%s%s", name, suffix);
	snprintf(final, sizeof(final), "%s%s", name, suffix);
	int status = still_put(folder, temporary, data, size);
	if (!status && renameat(folder, temporary, folder, final) < 0)
		status = -errno;
	if (status < 0)
		unlinkat(folder, temporary, 0);
	return status;
}

int still_write(const struct still_folder *folder, const struct still *still, char *error)
{
	struct timespec wall = still_wall(still->frame->capture_ns);
	struct tm utc;
	gmtime_r(&wall.tv_sec, &utc);
	char second[32], name[STILL_NAME_BYTES], file[STILL_NAME_BYTES + 8];
	strftime(second, sizeof(second), "%Y%m%d-%H%M%S", &utc);
	snprintf(name, sizeof(name), "%s-%08llu", second, (unsigned long long)still->frame->seq);
	snprintf(file, sizeof(file), "%s.jpg", name);
	char *text = still_describe(still, file, &wall);
	int status = text ? still_place(folder->fd, name, ".json", text, strlen(text)) : -ENOMEM;
	free(text);
	if (!status) {
		status = still_place(folder->fd, name, ".jpg", still->jpeg, still->jpeg_size);
		if (status < 0) {
			snprintf(file, sizeof(file), "%s.json", name);
			unlinkat(folder->fd, file, 0);
		}
	}
	return status < 0 ? still_fail(status, folder->path, error) : 0;
}
