/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bare.h with OpenCV's DNN module. */
#include "bare.h"

#include <vector>

#include <opencv2/core/utility.hpp>
#include <opencv2/dnn.hpp>

static cv::dnn::Net net;
static std::vector<cv::String> names;
static std::vector<int> shape;

extern "C" void bare_open(const struct model *model, unsigned threads)
{
	const int height = (int)model->input.height, width = (int)model->input.width;
	cv::setNumThreads((int)threads);
	net = cv::dnn::readNetFromONNX(static_cast<const char *>(model->data), model->size);
	net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
	names = net.getUnconnectedOutLayersNames();
	shape = {1, height, width, 3};
	if (model->input.layout == ZOE_LAYOUT_NCHW)
		shape = {1, 3, height, width};
}

extern "C" unsigned bare_run(const float *tensor, struct head_tensor *out_outputs)
{
	static std::vector<cv::Mat> outputs;
	net.setInput(cv::Mat(shape, CV_32F, const_cast<float *>(tensor)));
	net.forward(outputs, names);
	for (size_t i = 0; i < outputs.size() && i < HEAD_OUTPUTS; i++) {
		out_outputs[i] = {outputs[i].ptr<float>(), {}, (unsigned)outputs[i].dims};
		for (int dim = 0; dim < outputs[i].dims && dim < HEAD_DIMS; dim++)
			out_outputs[i].shape[dim] = outputs[i].size[dim];
	}
	return (unsigned)outputs.size();
}
