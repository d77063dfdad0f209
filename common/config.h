/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: what zoetrope.yaml may say, as structs and as option rows. The control process reads the YAML into
 * these; each role reads its own from its command line, with the same rows.
 */
#ifndef ZOETROPE_CONFIG_H
#define ZOETROPE_CONFIG_H

#include "options.h"

/* Of every process: accepted in every section below. */
struct process_config {
	char *cpus;   /* CPUs it may run on; "" = all */
	int64_t nice; /* -20..19 */
	char *policy; /* other, batch, idle, fifo */
};
extern const struct option_row process_rows[];

/* cameras.NAME */
struct camera_config {
	struct process_config process;
	char *source;                /* URI or path: rtsp://..., file:clip.mp4, images:FOLDER, test:, a bare path */
	int64_t width;               /* 0 = the source's own */
	int64_t height;              /* 0 = the source's own */
	double fps;                  /* 0 = the source's own pace */
	bool loop;                   /* begin again at the end of a file */
	char *format;                /* own, I420, NV12 ... */
	char *crop;                  /* "X Y WIDTH HEIGHT"; "" = all */
	struct option_list mask;     /* the same, any number */
	char *detect_source;         /* what detectors look at instead; "" = the same */
	char *transport;             /* tcp, udp */
	char *decoder;               /* libavcodec's name; "" = the usual one */
	struct option_list controls; /* "name=value" of a device's control */
	int64_t buffers;             /* newest frames kept; 0 = by their size */
	bool capture;                /* begin with capture on */
};
extern const struct option_row camera_rows[];

#define DETECTORS_MAX 16 /* of one camera: the most that may publish on a topic */

/* detectors.NAME */
struct detector_config {
	struct process_config process;
	struct option_list command;       /* a program of the user's in place of an engine; empty = none */
	char *engine;                     /* opencv */
	char *model;                      /* name or path */
	struct option_list options;       /* the engine's own, "key=value" */
	struct option_list cameras;       /* whose frames it looks at */
	struct option_list labels;        /* which it reports; empty = all */
	struct option_list substreams;    /* set by control: cameras with a detect_source; not a YAML key */
	double threshold;                 /* 0..1 */
	struct option_list regions;       /* "X Y WIDTH HEIGHT"; empty = the whole picture */
	int64_t motion_gate;              /* ns from one look at all of the picture to the next; 0 = each is one */
	struct option_list motion_ignore; /* as regions: what moves there does not count; empty = all does */
	double max_fps;                   /* results a second and camera; 0 = as fast as it can */
	int64_t every;                    /* each n-th frame */
	bool track;                       /* track ids and events; zones and on_event turn it on too */
	int64_t track_lost;               /* ns after which an object that is not seen has gone */
	struct option_list zones;         /* "name=x y, x y, x y" */
	int64_t stay;                     /* ns in a zone until it is entered */
	char *on_event;                   /* command; "" = none */
	int64_t threads;
	int64_t workers;    /* processes that look at frames at the same time */
	char *order;        /* of their results: strict, newest */
	int64_t hang_after; /* ns without a result from the engine; 0 = for ever */
	bool detect;        /* begin with detection on */
};
extern const struct option_row detector_rows[];

/* `zoetrope detect` */
struct detect_config {
	char *engine;
	char *model;
	struct option_list options, labels;
	double threshold;
	int64_t threads;
	char *folder; /* for annotated pictures; "" = none are written */
};
extern const struct option_row detect_rows[];

/* preview */
struct preview_config {
	struct process_config process;
	char *listen;               /* address:port */
	char *token;                /* required off loopback */
	int64_t quality;            /* JPEG 1..100 */
	bool timestamp;             /* date and time in pictures */
	bool preview;               /* begin with preview on */
	struct option_list cameras; /* set by control: all cameras; not a YAML key */
};
extern const struct option_row preview_rows[];

/* save */
struct save_config {
	struct process_config process;
	char *folder;
	int64_t every;              /* each n-th frame */
	int64_t quality;            /* JPEG 1..100 */
	bool timestamp;             /* date and time in stills */
	bool save;                  /* begin with saving on */
	struct option_list cameras; /* set by control: all cameras; not a YAML key */
};
extern const struct option_row save_rows[];

/* process_rows and a section's rows in one table, for a struct that begins with process_config. Caller frees. NULL = no
 * memory. */
struct option_row *config_join(const struct option_row *rows);

/* The sections of the YAML file, for the reader, the man page and `zoetrope help config`. */
struct config_section {
	const char *key;            /* "cameras", "preview" */
	bool named;                 /* its members are names: cameras.NAME */
	const char *role;           /* what serves it: "camera", "recorder" */
	const char *set_by_control; /* row that only the command line has; NULL = none */
	const struct option_row *rows;
	size_t bytes;     /* size of the struct that rows fill */
	const char *help; /* one sentence */
};
extern const struct config_section config_sections[]; /* ends with one whose key is NULL */

/*
 * Is this the name of a camera or detector? [A-Za-z0-9_-]{1,31} but "all", which ctl understands as every camera.
 * 31 because struct zoe_detections has room for that many.
 */
bool config_is_name(const char *name);

#endif
