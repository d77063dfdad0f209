/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "opencv": an SSD network in ONNX, run by OpenCV's DNN module on the CPU. The project's only C++ file: it keeps
 * OpenCV's classes and exceptions behind the C table. Boxes are decoded by ssd.c.
 */
#include <cerrno>
#include <cstdio>
#include <new>
#include <sstream>

#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include "model.h"
#include "ssd.h"
#include "zoetrope_detector.h"

namespace
{

constexpr int INPUT_PX = 300;
/* The network was trained on pixels from -1 to 1. */
constexpr float PIXEL_MEAN = 127.5F;
constexpr float PIXEL_SCALE = 1 / 127.5F;

struct engine {
	struct model model = {};
	struct ssd *ssd = nullptr;
	cv::dnn::Net net;
	std::vector<cv::String> output_names;
	std::vector<cv::Mat> outputs; /* boxes, scores */

	~engine()
	{
		ssd_destroy(ssd);
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

std::string shape_text(const cv::Mat &mat)
{
	std::ostringstream text;
	for (int i = 0; i < mat.dims; i++)
		text << "[" << mat.size[i] << "]";
	return text.str();
}

bool has_shape(const cv::Mat &mat, int columns)
{
	return mat.type() == CV_32F && mat.dims == 3 && mat.size[0] == 1 && mat.size[1] == SSD_ANCHORS &&
	       mat.size[2] == columns;
}

/* Run the network on a tensor [1][3][300][300]; outputs are sorted into boxes and scores by open(). */
void forward(struct engine *engine, const void *tensor)
{
	const int shape[] = {1, 3, INPUT_PX, INPUT_PX};
	engine->net.setInput(cv::Mat(4, shape, CV_32F, const_cast<void *>(tensor)));
	engine->net.forward(engine->outputs, engine->output_names);
}

/* Try the network on a grey picture: does it give what ssd.c reads? It also makes OpenCV allocate all it needs. */
int check_shape(struct engine *engine, char *error)
{
	std::string wanted =
	    "; the opencv engine reads an SSD that looks at 300x300 pixels, with outputs [1][1917][4] and "
	    "[1][1917][classes]: take ssd-mobilenet-v2";
	try {
		const std::vector<float> grey(3 * INPUT_PX * INPUT_PX);
		forward(engine, grey.data());
	} catch (const cv::Exception &exception) {
		return fail(error, -EINVAL,
		            std::string(engine->model.path) + " is no model for 300x300 pixels (" + reason(exception) +
		                ")" + wanted);
	}
	int classes = (int)engine->model.label_count;
	if (engine->outputs.size() == 2 && has_shape(engine->outputs[0], classes) && has_shape(engine->outputs[1], 4))
		std::swap(engine->output_names[0], engine->output_names[1]);
	else if (engine->outputs.size() != 2 || !has_shape(engine->outputs[0], 4) ||
	         !has_shape(engine->outputs[1], classes)) {
		std::string found;
		for (const cv::Mat &output : engine->outputs)
			found += (found.empty() ? "" : " and ") + shape_text(output);
		return fail(error, -EINVAL,
		            std::string(engine->model.path) + " has outputs " + found + " and " +
		                std::to_string(classes) + " labels" + wanted);
	}
	return 0;
}

int load(struct engine *engine, const struct zoe_detector_config *config, char *error)
{
	cv::redirectError(keep_silent);
	cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
	cv::setNumThreads((int)config->threads);
	int status = model_open(config, ".onnx", &engine->model, error);
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
		                reason(exception) + "): get it again with tools/fetch-model");
	}
	model_forget(&engine->model);
	status = check_shape(engine, error);
	if (status == 0 && ssd_create(engine->model.label_count, config->threshold, &engine->ssd) < 0)
		return fail(error, -ENOMEM, "no memory to decode boxes");
	return status;
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

void opencv_input(void *, struct zoe_detector_input *out)
{
	out->format = ZOE_FORMAT_RGB24;
	out->layout = ZOE_LAYOUT_NCHW;
	out->width = out->height = INPUT_PX;
	out->batch = 1;
	for (int i = 0; i < 3; i++) {
		out->mean[i] = PIXEL_MEAN;
		out->scale[i] = PIXEL_SCALE;
	}
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
	found->count = ssd_decode(engine->ssd, engine->outputs[0].ptr<float>(), engine->outputs[1].ptr<float>(),
	                          found->boxes, found->room);
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
