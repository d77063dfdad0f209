/* SPDX-License-Identifier: Apache-2.0 */
/* A V4L2 device: open, and say what is wrong with it so that the reader knows what to do. */
#include "v4l2.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int v4l2_ioctl(const struct v4l2_device *device, unsigned long request, void *argument)
{
	int status;
	do {
		status = ioctl(device->fd, request, argument);
	} while (status < 0 && errno == EINTR);
	return status < 0 ? -errno : 0;
}

/* ---- who has it ------------------------------------------------------------------------------------------------- */

/* Has the process that file open? */
static bool process_has(const char *pid, const struct stat *device)
{
	char folder[300], path[600];
	snprintf(folder, sizeof(folder), "/proc/%s/fd", pid);
	DIR *files = opendir(folder);
	bool found = false;
	for (struct dirent *entry; files && !found && (entry = readdir(files));) {
		struct stat file;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		found = stat(path, &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == device->st_rdev;
	}
	if (files)
		closedir(files);
	return found;
}

static void process_name(const char *pid, char *out, size_t room)
{
	char path[300], name[64] = "?";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = 0;
	if (file)
		fclose(file);
	snprintf(out, room, "process %.10s (%s)", pid, name);
}

/* "process 4711 (ffmpeg)", or words that say that it cannot be told. */
static void name_user(const char *path, char *out, size_t room)
{
	struct stat device;
	char own[32];
	snprintf(own, sizeof(own), "%d", (int)getpid());
	snprintf(out, room, "a process that this user cannot see (as root: fuser -v %s)", path);
	DIR *processes = stat(path, &device) == 0 ? opendir("/proc") : NULL;
	for (struct dirent *entry; processes && (entry = readdir(processes));) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || strcmp(entry->d_name, own) == 0)
			continue;
		if (process_has(entry->d_name, &device)) {
			process_name(entry->d_name, out, room);
			break;
		}
	}
	if (processes)
		closedir(processes);
}

/* ---- sentences ---------------------------------------------------------------------------------------------------- */

static void say_permission(const struct v4l2_device *device, char *error)
{
	struct stat file;
	const struct group *group = stat(device->path, &file) == 0 ? getgrgid(file.st_gid) : NULL;
	const char *name = group ? group->gr_name : "video";
	snprintf(error, CAMERA_ERROR_BYTES,
	         "%s: no permission to open it: it is for group %s. Add the user to it (sudo usermod -aG %s USER) and "
	         "log in anew",
	         device->path, name, name);
}

static void say_missing(const struct v4l2_device *device, char *error)
{
	char there[200] = "";
	struct dirent **names = NULL;
	int count = scandir("/dev", &names, NULL, versionsort);
	for (int i = 0; i < count; i++) {
		size_t used = strlen(there);
		if (strncmp(names[i]->d_name, "video", 5) == 0)
			snprintf(there + used, sizeof(there) - used, "%s/dev/%.16s", used ? ", " : "",
			         names[i]->d_name);
		free(names[i]);
	}
	free(names);
	snprintf(error, CAMERA_ERROR_BYTES, "%s: there is no such camera; is it plugged in? Video devices here: %s",
	         device->path, *there ? there : "none");
}

int v4l2_fail(const struct v4l2_device *device, int status, const char *what, char *error)
{
	char who[200];
	switch (-status) {
	case EACCES:
	case EPERM:
		say_permission(device, error);
		break;
	case EBUSY:
		name_user(device->path, who, sizeof(who));
		snprintf(error, CAMERA_ERROR_BYTES, "%s: busy: it is used by %s; end that, or take another camera",
		         device->path, who);
		break;
	case ENOENT:
	case ENXIO:
		say_missing(device, error);
		break;
	case ENODEV:
		snprintf(error, CAMERA_ERROR_BYTES, "%s: the camera is gone (unplugged, or its driver ended)",
		         device->path);
		break;
	case ENOSPC:
		snprintf(
		    error, CAMERA_ERROR_BYTES,
		    "%s: cannot %s: the USB bus has no bandwidth left; use another USB port, a smaller size, or MJPG",
		    device->path, what);
		break;
	default:
		snprintf(error, CAMERA_ERROR_BYTES, "%s: cannot %s: %s", device->path, what, strerror(-status));
	}
	return status == -EINVAL ? -EIO : status;
}

/* ---- open ------------------------------------------------------------------------------------------------------- */

static int not_a_camera(const struct v4l2_device *device, const char *what, char *error)
{
	snprintf(error, CAMERA_ERROR_BYTES, "%s %s; wanted a video device that captures, such as v4l2:/dev/video0",
	         device->path, what);
	return -EINVAL;
}

static int look(struct v4l2_device *device, char *error)
{
	struct v4l2_capability about = {0};
	int status = v4l2_ioctl(device, VIDIOC_QUERYCAP, &about);
	if (status == -ENOTTY || status == -EINVAL)
		return not_a_camera(device, "is not a V4L2 device", error);
	if (status < 0)
		return v4l2_fail(device, status, "ask what it is", error);
	uint32_t can = about.capabilities & V4L2_CAP_DEVICE_CAPS ? about.device_caps : about.capabilities;
	snprintf(device->driver, sizeof(device->driver), "%.16s", (const char *)about.driver);
	snprintf(device->card, sizeof(device->card), "%.32s", (const char *)about.card);
	snprintf(device->bus, sizeof(device->bus), "%.32s", (const char *)about.bus_info);
	device->planes = !(can & V4L2_CAP_VIDEO_CAPTURE) && can & V4L2_CAP_VIDEO_CAPTURE_MPLANE;
	device->type = can & V4L2_CAP_VIDEO_CAPTURE ? V4L2_BUF_TYPE_VIDEO_CAPTURE
	               : device->planes             ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
	                                            : 0;
	if (!device->type || !(can & V4L2_CAP_STREAMING))
		return not_a_camera(device, "does not capture video (it is for output, metadata or tuning)", error);
	return 0;
}

int v4l2_device_open(const char *source, struct v4l2_device *out, char *error)
{
	struct v4l2_device device = {.fd = -1};
	int bare = (int)strcspn(source, "?"); /* what follows is about the format */
	int length =
	    snprintf(device.path, sizeof(device.path), "%s%.*s", strchr(source, '/') ? "" : "/dev/", bare, source);
	if (!bare || length >= (int)sizeof(device.path)) {
		snprintf(error, CAMERA_ERROR_BYTES, "source 'v4l2:%.100s': wanted a device, such as v4l2:/dev/video0",
		         source);
		return -EINVAL;
	}
	device.fd = open(device.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int status = device.fd < 0 ? -errno : 0;
	if (status < 0)
		status = v4l2_fail(&device, status, "open it", error);
	else
		status = look(&device, error);
	if (status < 0) {
		v4l2_device_close(&device);
		return status;
	}
	*out = device;
	return 0;
}

void v4l2_device_close(struct v4l2_device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
}
