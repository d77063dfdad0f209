/* SPDX-License-Identifier: Apache-2.0 */
/* Every option of every section, one row each: default, range and sentence are decided here and nowhere else. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#define MEMBER(type, member) offsetof(struct type, member)

const struct option_row process_rows[] = {
    {"cpus", OPTION_CPUS, MEMBER(process_config, cpus), "", 0, 0, "", NULL,
     "CPUs on which the process and all its threads may run; empty means all."},
    {"nice", OPTION_INTEGER, MEMBER(process_config, nice), "0", -20, 19, "", NULL,
     "Scheduling priority as of nice(1); negative ones need the right to raise it."},
    {"policy", OPTION_CHOICE, MEMBER(process_config, policy), "other", 0, 0, "", "other|batch|idle|fifo",
     "Scheduling policy of all its threads; fifo goes before everything ordinary, and needs the right to."},
    {NULL},
};

const struct option_row camera_rows[] = {
    {"source", OPTION_TEXT, MEMBER(camera_config, source), NULL, 0, 0, "", NULL,
     "Where the frames come from: rtsp://HOST/PATH, http://HOST/PATH, v4l2:/dev/video0 (?format=MJPG takes that of its "
     "own formats), file:clip.mp4, images:FOLDER, "
     "gst:PIPELINE, "
     "test:, or a bare path; a login as "
     "rtsp://${USER}:${PASSWORD}@HOST/PATH."},
    {"width", OPTION_INTEGER, MEMBER(camera_config, width), "0", 0, 16384, "pixels", NULL,
     "Width of a frame; 0 means the source's own."},
    {"height", OPTION_INTEGER, MEMBER(camera_config, height), "0", 0, 16384, "pixels", NULL,
     "Height of a frame; 0 means the source's own."},
    {"fps", OPTION_NUMBER, MEMBER(camera_config, fps), "0", 0, 1000, "frames per second", NULL,
     "Pace of the frames; 0 means the source's own. A source of single pictures is asked that often."},
    {"loop", OPTION_BOOL, MEMBER(camera_config, loop), "false", 0, 0, "", NULL, "Begin again at the end of a file."},
    {"format", OPTION_CHOICE, MEMBER(camera_config, format), "own", 0, 0, "",
     "own|I420|I422|I444|NV12|YUYV|UYVY|GREY|RGB24|BGR24", "Pixel format of the frames; own means the source's."},
    {"crop", OPTION_TEXT, MEMBER(camera_config, crop), "", 0, 0, "", NULL,
     "Part of the picture that is published, as 'X Y WIDTH HEIGHT' in fractions of it; empty means all."},
    {"mask", OPTION_LIST, MEMBER(camera_config, mask), "", 0, 0, "", NULL,
     "Areas blacked out before anybody sees them, each as 'X Y WIDTH HEIGHT' in fractions of the whole picture."},
    {"detect_source", OPTION_TEXT, MEMBER(camera_config, detect_source), "", 0, 0, "", NULL,
     "A second, smaller stream of the same camera that detectors look at, as in source; empty means the same frames."},
    {"transport", OPTION_CHOICE, MEMBER(camera_config, transport), "tcp", 0, 0, "", "tcp|udp",
     "How RTSP sends its pictures: tcp loses nothing, udp does not wait for what is lost."},
    {"decoder", OPTION_TEXT, MEMBER(camera_config, decoder), "", 0, 0, "", NULL,
     "Decoder of libavcodec by its name, for hardware (not tested with any); empty means the usual one."},
    {"controls", OPTION_LIST, MEMBER(camera_config, controls), "", 0, 0, "", OPTION_PAIRS,
     "Controls of a V4L2 camera, such as exposure, set in this order; `zoetrope devices` names them."},
    {"buffers", OPTION_INTEGER, MEMBER(camera_config, buffers), "0", 0, 64, "frames", NULL,
     "Newest frames kept for those who read them; 0 means 16, or fewer if they are large."},
    {"capture", OPTION_BOOL, MEMBER(camera_config, capture), "true", 0, 0, "", NULL, "Begin with capture on."},
    {NULL},
};

const struct option_row detector_rows[] = {
    {"engine", OPTION_TEXT, MEMBER(detector_config, engine), "opencv", 0, 0, "", NULL,
     "Engine that runs the model: zoetrope-detector-ENGINE.so."},
    {"model", OPTION_TEXT, MEMBER(detector_config, model), "", 0, 0, "", NULL,
     "Name of a model, or path of its file; empty for an engine that needs none."},
    {"command", OPTION_LIST, MEMBER(detector_config, command), "", 0, 0, "", NULL,
     "Program and its arguments that detects in place of an engine, as a child of zoetrope run."},
    {"options", OPTION_LIST, MEMBER(detector_config, options), "", 0, 0, "", OPTION_PAIRS,
     "Options of the engine; `zoetrope detect --engine NAME --options help` names them."},
    {"cameras", OPTION_LIST, MEMBER(detector_config, cameras), NULL, 0, 0, "", NULL,
     "Cameras whose frames it looks at; a camera has at most 16 detectors."},
    {"labels", OPTION_LIST, MEMBER(detector_config, labels), "", 0, 0, "", NULL,
     "Labels that it reports; empty means all that the model knows."},
    {"substreams", OPTION_LIST, MEMBER(detector_config, substreams), "", 0, 0, "", NULL,
     "Cameras whose frames for detection are on CAMERA/detect; the control process names them."},
    {"threshold", OPTION_NUMBER, MEMBER(detector_config, threshold), "0.4", 0, 1, "", NULL, "Least score of a box."},
    {"regions", OPTION_LIST, MEMBER(detector_config, regions), "", 0, 0, "", NULL,
     "Parts of the picture that it looks at, each as 'X Y WIDTH HEIGHT' in fractions of it; empty means all of it."},
    {"motion_gate", OPTION_DURATION, MEMBER(detector_config, motion_gate), "0s", 0, 3600, "", NULL,
     "Look only where something moves, and at the whole picture this often all the same; 0s means always at all of "
     "it."},
    {"motion_ignore", OPTION_LIST, MEMBER(detector_config, motion_ignore), "", 0, 0, "", NULL,
     "Areas in which nothing counts as moving for motion_gate, each as 'X Y WIDTH HEIGHT' in fractions of the "
     "picture."},
    {"max_fps", OPTION_NUMBER, MEMBER(detector_config, max_fps), "0", 0, 1000, "results per second", NULL,
     "Most results a second for each camera; 0 means as many as it can."},
    {"every", OPTION_INTEGER, MEMBER(detector_config, every), "1", 1, 1000000, "frames", NULL,
     "Look only at frames whose sequence number is a multiple of this."},
    {"track", OPTION_BOOL, MEMBER(detector_config, track), "false", 0, 0, "", NULL,
     "Follow objects from result to result, and publish events; zones and on_event do so too."},
    {"track_lost", OPTION_DURATION, MEMBER(detector_config, track_lost), "2s", 0.05, 3600, "", NULL,
     "An object that is not seen for so long has gone."},
    {"zones", OPTION_LIST, MEMBER(detector_config, zones), "", 0, 0, "", OPTION_PAIRS,
     "Polygons of points \"x y, x y, x y\" in fractions of the picture; entering and leaving them are events."},
    {"stay", OPTION_DURATION, MEMBER(detector_config, stay), "0s", 0, 3600, "", NULL,
     "Whoever is in a zone for so long has entered it."},
    {"on_event", OPTION_TEXT, MEMBER(detector_config, on_event), "", 0, 0, "", NULL,
     "Shell command for each event but updates; ZOETROPE_EVENT, _CAMERA, _LABEL, _TRACK, _ZONE, _SCORE, _BOX tell "
     "which."},
    {"threads", OPTION_INTEGER, MEMBER(detector_config, threads), "1", 0, 256, "threads", NULL,
     "Threads that the engine may use; 0 means as many as the CPUs it may run on."},
    {"workers", OPTION_INTEGER, MEMBER(detector_config, workers), "1", 1, 16, "", NULL,
     "Processes that share the frames, each with an engine of its own; one that dies loses only its frame."},
    {"order", OPTION_CHOICE, MEMBER(detector_config, order), "strict", 0, 0, "", "strict|newest",
     "Results of several workers: strict waits for those of earlier frames, newest drops these if they come too late."},
    {"hang_after", OPTION_DURATION, MEMBER(detector_config, hang_after), "10s", 0, 3600, "", NULL,
     "An engine that gives no result for so long is killed and started again; 0s means never."},
    {"detect", OPTION_BOOL, MEMBER(detector_config, detect), "true", 0, 0, "", NULL, "Begin with detection on."},
    {NULL},
};

const struct option_row detect_rows[] = {
    {"engine", OPTION_TEXT, MEMBER(detect_config, engine), "opencv", 0, 0, "", NULL,
     "Engine that runs the model: zoetrope-detector-ENGINE.so."},
    {"model", OPTION_TEXT, MEMBER(detect_config, model), "", 0, 0, "", NULL,
     "Name of a model, or path of its file; empty for an engine that needs none."},
    {"options", OPTION_LIST, MEMBER(detect_config, options), "", 0, 0, "", OPTION_PAIRS,
     "Options of the engine; `help` prints them."},
    {"labels", OPTION_LIST, MEMBER(detect_config, labels), "", 0, 0, "", NULL,
     "Labels that it reports; empty means all that the model knows."},
    {"threshold", OPTION_NUMBER, MEMBER(detect_config, threshold), "0.4", 0, 1, "", NULL, "Least score of a box."},
    {"threads", OPTION_INTEGER, MEMBER(detect_config, threads), "1", 0, 256, "threads", NULL,
     "Threads that the engine may use; 0 means as many as the CPUs it may run on."},
    {"folder", OPTION_TEXT, MEMBER(detect_config, folder), ".", 0, 0, "", NULL,
     "Where NAME.detect.jpg is written, the picture with boxes; empty means nowhere."},
    {NULL},
};

const struct option_row preview_rows[] = {
    {"listen", OPTION_TEXT, MEMBER(preview_config, listen), "127.0.0.1:8090", 0, 0, "", NULL,
     "Address and port of the web server."},
    {"token", OPTION_TEXT, MEMBER(preview_config, token), "", 0, 0, "", NULL,
     "Secret that clients must send, best as ${NAME}; required if listen is not a loopback address."},
    {"quality", OPTION_INTEGER, MEMBER(preview_config, quality), "80", 1, 100, "JPEG quality", NULL,
     "Quality of the pictures."},
    {"timestamp", OPTION_BOOL, MEMBER(preview_config, timestamp), "false", 0, 0, "", NULL,
     "Write local date and time into the pictures; the frames stay as they are."},
    {"preview", OPTION_BOOL, MEMBER(preview_config, preview), "true", 0, 0, "", NULL, "Begin with preview on."},
    {"cameras", OPTION_LIST, MEMBER(preview_config, cameras), "", 0, 0, "", NULL,
     "Cameras that it shows; the control process names all of them."},
    {NULL},
};

const struct option_row save_rows[] = {
    {"folder", OPTION_TEXT, MEMBER(save_config, folder), "stills", 0, 0, "", NULL,
     "Folder for the stills; a folder for each camera is made in it."},
    {"every", OPTION_INTEGER, MEMBER(save_config, every), "1", 1, 1000000, "frames", NULL,
     "Save each frame whose sequence number is a multiple of this."},
    {"quality", OPTION_INTEGER, MEMBER(save_config, quality), "90", 1, 100, "JPEG quality", NULL,
     "Quality of the stills."},
    {"timestamp", OPTION_BOOL, MEMBER(save_config, timestamp), "false", 0, 0, "", NULL,
     "Write local date and time into the stills; the frames stay as they are."},
    {"save", OPTION_BOOL, MEMBER(save_config, save), "false", 0, 0, "", NULL, "Begin with saving on."},
    {"cameras", OPTION_LIST, MEMBER(save_config, cameras), "", 0, 0, "", NULL,
     "Cameras that it saves; the control process names all of them."},
    {NULL},
};

const struct config_section config_sections[] = {
    {"cameras", true, "camera", NULL, camera_rows, sizeof(struct camera_config),
     "One entry for each camera: the name of its topic, and its options."},
    {"detectors", true, "detector", "substreams", detector_rows, sizeof(struct detector_config),
     "One entry for each detector: its name, and its options."},
    {"preview", false, "preview", "cameras", preview_rows, sizeof(struct preview_config),
     "The web server; without this section there is none."},
    {"save", false, "recorder", "cameras", save_rows, sizeof(struct save_config), "Stills on disk."},
    {NULL},
};

static size_t count_rows(const struct option_row *rows)
{
	size_t count = 0;

	while (rows[count].name)
		count++;
	return count;
}

struct option_row *config_join(const struct option_row *rows)
{
	size_t of_process = count_rows(process_rows), own = count_rows(rows);
	struct option_row *joined = calloc(of_process + own + 1, sizeof *joined);

	if (!joined)
		return NULL;
	memcpy(joined, rows, own * sizeof *joined);
	memcpy(joined + own, process_rows, of_process * sizeof *joined);
	return joined;
}

bool config_is_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t length = strlen(name);

	return length >= 1 && length <= 31 && strspn(name, allowed) == length && strcmp(name, "all");
}
