/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bare.h with ONNX Runtime, which is loaded from the folder of models. */
#include "bare.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <onnxruntime_c_api.h>

#define API_WANTED 14

static const OrtApi *api;
static OrtSession *session;
static OrtMemoryInfo *memory;
static char *input_name, *output_names[HEAD_OUTPUTS];
static OrtValue *values[HEAD_OUTPUTS];
static size_t output_count;
static int64_t shape[4];
static size_t input_bytes = 3 * sizeof(float);

static void must(OrtStatus *status)
{
	if (!status)
		return;
	fprintf(stderr, "bench-bare-onnxruntime: %s\n", api->GetErrorMessage(status));
	exit(1);
}

static void open_library(void)
{
	char path[PATH_MAX];
	const OrtApiBase *(*base)(void) = NULL;
	setenv("ORT_DISABLE_TELEMETRY", "1", 1); /* as the engine does */
	snprintf(path, sizeof(path), "%s/onnxruntime/libonnxruntime.so", getenv("ZOETROPE_MODELS"));
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library)
		*(void **)&base = dlsym(library, "OrtGetApiBase");
	api = base ? base()->GetApi(API_WANTED) : NULL;
	if (!api) {
		fprintf(stderr, "bench-bare-onnxruntime: no ONNX Runtime in %s\n", path);
		exit(1);
	}
}

void bare_open(const struct model *model, unsigned threads)
{
	const int64_t height = model->input.height, width = model->input.width;
	const bool planar = model->input.layout == ZOE_LAYOUT_NCHW;
	OrtEnv *env;
	OrtSessionOptions *options;
	OrtAllocator *allocator;
	open_library();
	must(api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "bench", &env));
	must(api->CreateSessionOptions(&options));
	must(api->SetIntraOpNumThreads(options, (int)threads));
	must(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
	must(api->GetAllocatorWithDefaultOptions(&allocator));
	must(api->CreateSessionFromArray(env, model->data, model->size, options, &session));
	must(api->SessionGetInputName(session, 0, allocator, &input_name));
	must(api->SessionGetOutputCount(session, &output_count));
	output_count = output_count < HEAD_OUTPUTS ? output_count : HEAD_OUTPUTS;
	for (size_t i = 0; i < output_count; i++)
		must(api->SessionGetOutputName(session, i, allocator, &output_names[i]));
	const int64_t wanted[] = {1, planar ? 3 : height, planar ? height : width, planar ? width : 3};
	for (int i = 0; i < 4; i++)
		shape[i] = wanted[i];
	input_bytes *= (size_t)(height * width);
}

static struct head_tensor read_output(OrtValue *value)
{
	struct head_tensor tensor = {0};
	OrtTensorTypeAndShapeInfo *info;
	size_t dims;
	void *data;
	must(api->GetTensorTypeAndShape(value, &info));
	must(api->GetDimensionsCount(info, &dims));
	must(api->GetDimensions(info, tensor.shape, dims < HEAD_DIMS ? dims : HEAD_DIMS));
	must(api->GetTensorMutableData(value, &data));
	api->ReleaseTensorTypeAndShapeInfo(info);
	tensor.data = data;
	tensor.dims = (unsigned)dims;
	return tensor;
}

unsigned bare_run(const float *tensor, struct head_tensor *out_outputs)
{
	OrtValue *input;
	for (size_t i = 0; i < output_count; i++) {
		if (values[i])
			api->ReleaseValue(values[i]);
		values[i] = NULL;
	}
	must(api->CreateTensorWithDataAsOrtValue(memory, (void *)tensor, input_bytes, shape, 4,
	                                         ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
	must(api->Run(session, NULL, (const char *const *)&input_name, (const OrtValue *const *)&input, 1,
	              (const char *const *)output_names, output_count, values));
	api->ReleaseValue(input);
	for (size_t i = 0; i < output_count; i++)
		out_outputs[i] = read_output(values[i]);
	return (unsigned)output_count;
}
