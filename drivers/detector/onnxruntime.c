/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "onnxruntime": networks in ONNX, run by ONNX Runtime on the CPU; about twice as fast as OpenCV. The library is
 * loaded at run time, as no distribution has it: `zoetrope model fetch onnxruntime` gets it. Boxes are decoded by
 * head.c.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <onnxruntime_c_api.h>

#include "head.h"
#include "model.h"
#include "zoetrope_detector.h"

/* All functions used here are in it; the table only ever grows, so newer libraries give it too. */
#define API_WANTED 14
#define LIBRARY    "onnxruntime/libonnxruntime.so"

struct engine {
	void *library;
	const OrtApi *api;
	OrtEnv *env;
	OrtSessionOptions *options;
	OrtSession *session;
	OrtMemoryInfo *memory;
	OrtAllocator *allocator;
	char *input_name;
	char *output_names[HEAD_OUTPUTS];
	size_t output_count;
	OrtValue *outputs[HEAD_OUTPUTS];
	struct head_tensor tensors[HEAD_OUTPUTS];
	struct model model;
	struct head *head;
};

static const struct zoe_detector_option options[] = {
    {"library", ZOE_DETECTOR_TEXT, "", 0, 0, "", NULL,
     "Path of libonnxruntime.so; empty means the one that was fetched, else the system's."},
    {"batch", ZOE_DETECTOR_INTEGER, "4", 1, ZOE_DETECTOR_BATCH_MAX, "pictures", NULL,
     "Most pictures at once, for a model that takes any number."},
    {NULL},
};

static int fail(char *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(char *error, int status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, ZOE_DETECTOR_ERROR_BYTES, format, arguments);
	va_end(arguments);
	for (char *c = error; *c; c++) {
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	return status;
}

/* 0, or -EINVAL with the runtime's own words behind what was tried. Frees status. */
static int check(struct engine *engine, OrtStatus *status, const char *what, char *error)
{
	if (!status)
		return 0;
	fail(error, -EINVAL, "%.250s (%.200s)", what, engine->api->GetErrorMessage(status));
	engine->api->ReleaseStatus(status);
	return -EINVAL;
}

/* ---- the library -------------------------------------------------------------------------------------------- */

static void *find_library(const struct zoe_detector_config *config)
{
	const char *given = config->options[0].text;
	if (given[0])
		return dlopen(given, RTLD_NOW | RTLD_LOCAL);
	const char *rest = config->models ? config->models : "";
	while (*rest) {
		char path[PATH_MAX];
		int length = (int)strcspn(rest, ":");
		snprintf(path, sizeof(path), "%.*s/" LIBRARY, length, rest);
		if (access(path, F_OK) == 0)
			return dlopen(path, RTLD_NOW | RTLD_LOCAL);
		rest += length + (rest[length] == ':');
	}
	void *library = dlopen("libonnxruntime.so.1", RTLD_NOW | RTLD_LOCAL);
	return library ? library : dlopen("libonnxruntime.so", RTLD_NOW | RTLD_LOCAL);
}

/* Microsoft's builds write down what they run in ~/.cache/Microsoft, and send it off, unless this is set before. */
static int open_library(struct engine *engine, const struct zoe_detector_config *config, char *error)
{
	const OrtApiBase *(*base)(void) = NULL;
	if (setenv("ORT_DISABLE_TELEMETRY", "1", 1) < 0)
		return fail(error, -ENOMEM, "no memory to load ONNX Runtime");
	engine->library = find_library(config);
	if (!engine->library)
		return fail(error, -ENOENT,
		            "ONNX Runtime cannot be loaded: %.200s; get it with `zoetrope model fetch onnxruntime`",
		            dlerror());
	*(void **)&base = dlsym(engine->library, "OrtGetApiBase");
	if (!base)
		return fail(error, -EINVAL, "this library is no ONNX Runtime: %.200s", dlerror());
	engine->api = base()->GetApi(API_WANTED);
	if (!engine->api)
		return fail(error, -EINVAL, "ONNX Runtime %s is too old: 1.%d or later is wanted",
		            base()->GetVersionString(), API_WANTED);
	return 0;
}

/* ---- the network -------------------------------------------------------------------------------------------- */

static int open_session(struct engine *engine, const struct zoe_detector_config *config, char *error)
{
	const OrtApi *api = engine->api;
	int status =
	    check(engine, api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "zoetrope", &engine->env), "no environment", error);
	if (status == 0) /* versions that do not know the variable */
		status = check(engine, api->DisableTelemetryEvents(engine->env), "telemetry", error);
	if (status == 0)
		status = check(engine, api->CreateSessionOptions(&engine->options), "no session options", error);
	if (status == 0)
		status =
		    check(engine, api->SetIntraOpNumThreads(engine->options, (int)config->threads), "threads", error);
	/* Threads that spin between two frames would take the cores of others. */
	if (status == 0)
		status =
		    check(engine, api->AddSessionConfigEntry(engine->options, "session.intra_op.allow_spinning", "0"),
		          "spinning", error);
	if (status == 0)
		status = check(engine, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &engine->memory),
		               "no memory", error);
	if (status == 0)
		status = check(engine, api->GetAllocatorWithDefaultOptions(&engine->allocator), "no allocator", error);
	if (status < 0)
		return status;
	char what[ZOE_DETECTOR_ERROR_BYTES];
	snprintf(what, sizeof(what), "%.200s is damaged or no ONNX model", engine->model.path);
	return check(engine,
	             api->CreateSessionFromArray(engine->env, engine->model.data, engine->model.size, engine->options,
	                                         &engine->session),
	             what, error);
}

static int read_names(struct engine *engine, char *error)
{
	const OrtApi *api = engine->api;
	size_t inputs = 0;
	int status = check(engine, api->SessionGetInputCount(engine->session, &inputs), "no inputs", error);
	if (status == 0)
		status = check(engine, api->SessionGetOutputCount(engine->session, &engine->output_count), "no outputs",
		               error);
	if (status == 0 && (inputs != 1 || engine->output_count > HEAD_OUTPUTS)) {
		status = fail(error, -EINVAL, "%.200s has %zu inputs and %zu outputs; wanted 1, and at most %d",
		              engine->model.path, inputs, engine->output_count, HEAD_OUTPUTS);
		engine->output_count = 0;
	}
	if (status == 0)
		status =
		    check(engine, api->SessionGetInputName(engine->session, 0, engine->allocator, &engine->input_name),
		          "no name", error);
	for (size_t i = 0; status == 0 && i < engine->output_count; i++)
		status = check(
		    engine, api->SessionGetOutputName(engine->session, i, engine->allocator, &engine->output_names[i]),
		    "no name", error);
	return status;
}

/* How many pictures at once: what the network's first dimension says; 0 and less is any number. */
static int read_batch(struct engine *engine, unsigned wanted, char *error)
{
	const OrtApi *api = engine->api;
	OrtTypeInfo *type = NULL;
	const OrtTensorTypeAndShapeInfo *tensor = NULL;
	int64_t shape[8] = {0};
	size_t dims = 0;
	int status =
	    check(engine, api->SessionGetInputTypeInfo(engine->session, 0, &type), "no type of the input", error);
	if (status == 0)
		status = check(engine, api->CastTypeInfoToTensorInfo(type, &tensor), "the input is no tensor", error);
	if (status == 0 && tensor)
		status = check(engine, api->GetDimensionsCount(tensor, &dims), "no shape", error);
	if (status == 0 && dims > 0 && dims <= 8)
		status = check(engine, api->GetDimensions(tensor, shape, dims), "no shape", error);
	if (type)
		api->ReleaseTypeInfo(type);
	if (status < 0)
		return status;
	if (shape[0] > 1)
		return fail(error, -EINVAL, "%.200s wants %lld pictures at once; wanted 1, or any number",
		            engine->model.path, (long long)shape[0]);
	engine->model.input.batch = shape[0] == 1 ? 1 : wanted;
	return 0;
}

static void release_outputs(struct engine *engine)
{
	for (size_t i = 0; i < engine->output_count; i++) {
		if (engine->outputs[i])
			engine->api->ReleaseValue(engine->outputs[i]);
		engine->outputs[i] = NULL;
	}
}

/* An output that is not float32, or has more dimensions than any head reads, gets dims 0. */
static int read_output(struct engine *engine, size_t index, char *error)
{
	const OrtApi *api = engine->api;
	OrtTensorTypeAndShapeInfo *info = NULL;
	ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
	struct head_tensor tensor = {0};
	size_t dims = 0;
	void *data = NULL;
	int status =
	    check(engine, api->GetTensorTypeAndShape(engine->outputs[index], &info), "an output is no tensor", error);
	if (status == 0)
		status = check(engine, api->GetTensorElementType(info, &type), "no type of an output", error);
	if (status == 0)
		status = check(engine, api->GetDimensionsCount(info, &dims), "no shape of an output", error);
	if (status == 0 && type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && dims <= HEAD_DIMS) {
		status = check(engine, api->GetDimensions(info, tensor.shape, dims), "no shape of an output", error);
		if (status == 0)
			status =
			    check(engine, api->GetTensorMutableData(engine->outputs[index], &data), "no data", error);
		tensor.data = data;
		tensor.dims = (unsigned)dims;
	}
	if (info)
		api->ReleaseTensorTypeAndShapeInfo(info);
	engine->tensors[index] = tensor;
	return status;
}

/* Run the network; outputs are released by the caller. */
static int forward(struct engine *engine, const void *data, unsigned count, const char *what, char *error)
{
	const OrtApi *api = engine->api;
	const struct zoe_detector_input *input = &engine->model.input;
	int64_t channels = input->format == ZOE_FORMAT_GREY ? 1 : 3, height = input->height, width = input->width;
	const int64_t planar[] = {count, channels, height, width}, packed[] = {count, height, width, channels};
	OrtValue *value = NULL;
	int status =
	    check(engine,
	          api->CreateTensorWithDataAsOrtValue(engine->memory, (void *)data,
	                                              (size_t)(count * channels * height * width) * sizeof(float),
	                                              input->layout == ZOE_LAYOUT_NCHW ? planar : packed, 4,
	                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value),
	          "no tensor", error);
	if (status == 0)
		status = check(engine,
		               api->Run(engine->session, NULL, (const char *const *)&engine->input_name,
		                        (const OrtValue *const *)&value, 1, (const char *const *)engine->output_names,
		                        engine->output_count, engine->outputs),
		               what, error);
	if (value)
		api->ReleaseValue(value);
	for (size_t i = 0; status == 0 && i < engine->output_count; i++)
		status = read_output(engine, i, error);
	return status;
}

/* Try the network on zeros: does it give what its head reads? */
static int try_once(struct engine *engine, float threshold, char *error)
{
	const struct zoe_detector_input *input = &engine->model.input;
	char what[ZOE_DETECTOR_ERROR_BYTES];
	snprintf(what, sizeof(what), "%.200s is no model for %ux%u pixels, as its description says", engine->model.path,
	         input->width, input->height);
	float *zeros = calloc((size_t)input->width * input->height * 3, sizeof(float));
	if (!zeros)
		return -ENOMEM;
	int status = forward(engine, zeros, 1, what, error);
	if (status == 0)
		status = head_create(&engine->model, threshold, engine->tensors, (unsigned)engine->output_count,
		                     &engine->head, error);
	release_outputs(engine);
	free(zeros);
	return status;
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

/* The library itself stays: it does not like to be unloaded. */
static void engine_close(void *state)
{
	struct engine *engine = state;
	if (!engine)
		return;
	const OrtApi *api = engine->api;
	for (size_t i = 0; engine->allocator && i < engine->output_count; i++) {
		if (engine->output_names[i])
			engine->allocator->Free(engine->allocator, engine->output_names[i]);
	}
	if (engine->input_name)
		engine->allocator->Free(engine->allocator, engine->input_name);
	if (engine->memory)
		api->ReleaseMemoryInfo(engine->memory);
	if (engine->session)
		api->ReleaseSession(engine->session);
	if (engine->options)
		api->ReleaseSessionOptions(engine->options);
	if (engine->env)
		api->ReleaseEnv(engine->env);
	head_destroy(engine->head);
	model_close(&engine->model);
	free(engine);
}

static int engine_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	if (!engine)
		return -ENOMEM;
	int status = open_library(engine, config, error);
	if (status == 0)
		status = model_open(config, &engine->model, error);
	if (status == 0)
		status = open_session(engine, config, error);
	model_forget(&engine->model);
	if (status == 0)
		status = read_names(engine, error);
	if (status == 0)
		status = read_batch(engine, (unsigned)config->options[1].integer, error);
	if (status == 0)
		status = try_once(engine, config->threshold, error);
	if (status < 0) {
		engine_close(engine);
		return status;
	}
	*out_state = engine;
	return 0;
}

static void engine_input(void *state, struct zoe_detector_input *out)
{
	*out = ((struct engine *)state)->model.input;
}

static const char *engine_label(void *state, uint32_t class_id)
{
	const struct engine *engine = state;
	return class_id < engine->model.label_count ? engine->model.labels[class_id] : NULL;
}

static int engine_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                        struct zoe_detector_found *found, char *error)
{
	struct engine *engine = state;
	int status = forward(engine, pictures->data, count, "ONNX Runtime failed on a picture", error);
	for (unsigned i = 0; status == 0 && i < count; i++)
		head_decode(engine->head, engine->tensors, i, &found[i]);
	release_outputs(engine);
	return status;
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    .abi = ZOE_DETECTOR_ABI,
	    .name = "onnxruntime",
	    .help = "Neural networks in ONNX, run by ONNX Runtime on the CPU.",
	    .options = options,
	    .open = engine_open,
	    .input = engine_input,
	    .label = engine_label,
	    .infer = engine_infer,
	    .close = engine_close,
	};
	return &table;
}
