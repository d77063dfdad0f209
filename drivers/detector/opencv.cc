/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "opencv": networks in ONNX, run by OpenCV's DNN module on the CPU. The project's only C++ file: it keeps
 * OpenCV's classes and exceptions behind the C table. Boxes are decoded by head.c.
 */
#include <cerrno>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include "head.h"
#include "model.h"
#include "zoetrope_detector.h"

namespace
{

struct engine {
	struct model model = {};
	struct head *head = nullptr;
	cv::dnn::Net net;
	std::vector<cv::String> output_names;
	std::vector<cv::Mat> outputs;

	~engine()
	{
		head_destroy(head);
		model_close(&model);
	}
};

int fail(char *error, int status, const std::string &sentence)
{
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "%s", sentence.c_str());
	return status;
}

/* OpenCV's own words for what it did not like, on one line. */
std::string reason(const cv::Exception &exception)
{
	std::string text = exception.err.empty() ? exception.what() : exception.err;
	for (char &c : text) {
		if (c == '\n' || c == '\r')
			c = ' ';
	}
	return text.substr(0, 160);
}

/* OpenCV prints each error before it throws; an engine never prints. */
int keep_silent(int, const char *, const char *, const char *, int, void *)
{
	return 0;
}

/* Run the network on a tensor as the model's description says. */
void forward(struct engine *engine, const void *tensor)
{
	const struct zoe_detector_input &input = engine->model.input;
	const int channels = input.format == ZOE_FORMAT_GREY ? 1 : 3;
	const int height = (int)input.height, width = (int)input.width;
	const int planar[] = {1, channels, height, width}, packed[] = {1, height, width, channels};
	engine->net.setInput(
	    cv::Mat(4, input.layout == ZOE_LAYOUT_NCHW ? planar : packed, CV_32F, const_cast<void *>(tensor)));
	engine->net.forward(engine->outputs, engine->output_names);
}

std::vector<struct head_tensor> tensors(const struct engine *engine)
{
	std::vector<struct head_tensor> list;
	for (const cv::Mat &mat : engine->outputs) {
		struct head_tensor tensor = {};
		if (mat.type() == CV_32F && mat.dims <= HEAD_DIMS && mat.isContinuous()) {
			tensor.data = mat.ptr<float>();
			tensor.dims = (unsigned)mat.dims;
			for (int i = 0; i < mat.dims; i++)
				tensor.shape[i] = mat.size[i];
		}
		list.push_back(tensor);
	}
	return list;
}

/* Try the network on a grey picture: does it give what its head reads? It also makes OpenCV allocate all it needs. */
int try_once(struct engine *engine, float threshold, char *error)
{
	const struct zoe_detector_input &input = engine->model.input;
	const std::vector<float> grey((size_t)input.width * input.height * 3);
	try {
		forward(engine, grey.data());
	} catch (const cv::Exception &exception) {
		return fail(error, -EINVAL,
		            std::string(engine->model.path) + " is no model for " + std::to_string(input.width) + "x" +
		                std::to_string(input.height) + " pixels, as its description says (" +
		                reason(exception) + ")");
	}
	const std::vector<struct head_tensor> outputs = tensors(engine);
	return head_create(&engine->model, threshold, outputs.data(), (unsigned)outputs.size(), &engine->head, error);
}

int load(struct engine *engine, const struct zoe_detector_config *config, char *error)
{
	cv::redirectError(keep_silent);
	cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
	cv::setNumThreads((int)config->threads);
	int status = model_open(config, &engine->model, error);
	if (status < 0)
		return status;
	try {
		engine->net =
		    cv::dnn::readNetFromONNX(static_cast<const char *>(engine->model.data), engine->model.size);
		engine->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
		engine->output_names = engine->net.getUnconnectedOutLayersNames();
	} catch (const cv::Exception &exception) {
		return fail(error, -EINVAL,
		            std::string(engine->model.path) + " is damaged or no ONNX model that OpenCV reads (" +
		                reason(exception) + "): get it again with `zoetrope model fetch --force`");
	}
	model_forget(&engine->model);
	return try_once(engine, config->threshold, error);
}

int opencv_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct engine *engine = nullptr;
	try {
		engine = new struct engine;
		int status = load(engine, config, error);
		if (status == 0)
			*out_state = engine;
		else
			delete engine;
		return status;
	} catch (const std::bad_alloc &) {
		delete engine;
		return fail(error, -ENOMEM, "no memory for the opencv engine");
	} catch (const std::exception &exception) {
		delete engine;
		return fail(error, -EINVAL, std::string("OpenCV cannot load the model: ") + exception.what());
	}
}

const char *opencv_label(void *state, uint32_t class_id)
{
	const struct engine *engine = static_cast<struct engine *>(state);
	return class_id < engine->model.label_count ? engine->model.labels[class_id] : nullptr;
}

void opencv_input(void *state, struct zoe_detector_input *out)
{
	*out = static_cast<struct engine *>(state)->model.input;
}

int opencv_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t, struct zoe_detector_found *found,
                 char *error)
{
	struct engine *engine = static_cast<struct engine *>(state);
	try {
		forward(engine, pictures->data);
	} catch (const std::exception &exception) {
		return fail(error, -EIO, std::string("OpenCV failed on a picture: ") + exception.what());
	}
	head_decode(engine->head, tensors(engine).data(), 0, found);
	return 0;
}

void opencv_close(void *state)
{
	delete static_cast<struct engine *>(state);
}

} // namespace

extern "C" const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    ZOE_DETECTOR_ABI, "opencv",     "Neural networks in ONNX, run by OpenCV on the CPU.",
	    nullptr,          opencv_open,  opencv_input,
	    opencv_label,     opencv_infer, opencv_close,
	};
	return &table;
}
