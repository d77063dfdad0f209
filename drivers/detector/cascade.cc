/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "cascade": OpenCV's boosted cascades (Haar, LBP), for machines too small for a network. The model is the cascade's
 * XML file, by path, or by name as Debian's opencv-data has it: haarcascade_frontalface_default.
 */
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

#include <opencv2/core/utility.hpp>
#include <opencv2/objdetect.hpp>

#include "zoetrope_detector.h"

namespace
{

enum option { LABEL, SCALE, MIN_SIZE, SURE };
const struct zoe_detector_option options[] = {
    {"label", ZOE_DETECTOR_TEXT, "Face", 0, 0, "", nullptr, "What it finds is called so."},
    {"scale", ZOE_DETECTOR_NUMBER, "1.1", 1.01, 2, "", nullptr, "From one size that is looked for to the next."},
    {"min_size", ZOE_DETECTOR_NUMBER, "0.05", 0.01, 1, "of the height", nullptr, "Smaller ones are not looked for."},
    {"sure", ZOE_DETECTOR_INTEGER, "10", 1, 1000, "hits", nullptr, "So many hits close together have the score 1."},
    {nullptr, 0, nullptr, 0, 0, nullptr, nullptr, nullptr},
};

struct engine {
	cv::CascadeClassifier cascade;
	std::string label;
	double scale, min_size;
	float sure, threshold;
};

int fail(char *error, int status, const std::string &sentence)
{
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "%s", sentence.c_str());
	return status;
}

/* OpenCV prints each error before it throws; an engine never prints. */
int keep_silent(int, const char *, const char *, const char *, int, void *)
{
	return 0;
}

/* A path, or a name in the folders of models and of opencv-data. */
std::string find(const struct zoe_detector_config *config)
{
	const std::string model = config->model;
	if (model.find('/') != std::string::npos)
		return model;
	std::string folders =
	    std::string(config->models) + ":/usr/share/opencv4/haarcascades:/usr/share/opencv4/lbpcascades:";
	for (size_t at = 0, end; (end = folders.find(':', at)) != std::string::npos; at = end + 1) {
		const std::string path = folders.substr(at, end - at) + "/" + model + ".xml";
		if (access(path.c_str(), F_OK) == 0)
			return path;
	}
	return "";
}

int load(struct engine *engine, const struct zoe_detector_config *config, char *error)
{
	cv::redirectError(keep_silent);
	cv::setNumThreads((int)config->threads);
	const std::string path = find(config);
	if (path.empty() || access(path.c_str(), R_OK) != 0)
		return fail(error, -ENOENT,
		            std::string("cascade '") + config->model +
		                "' cannot be read: wanted an XML file's path, or a name in Debian's package "
		                "opencv-data, such as "
		                "haarcascade_frontalface_default");
	if (!engine->cascade.load(path))
		return fail(error, -EINVAL, path + " is no cascade that OpenCV reads");
	engine->label = config->options[LABEL].text;
	if (engine->label.empty() || engine->label.size() >= ZOE_LABEL_BYTES)
		return fail(error, -EINVAL, "option 'label': wanted 1 to 31 bytes, found '" + engine->label + "'");
	engine->scale = config->options[SCALE].number;
	engine->min_size = config->options[MIN_SIZE].number;
	engine->sure = (float)config->options[SURE].integer;
	engine->threshold = config->threshold;
	return 0;
}

int cascade_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct engine *engine = nullptr;
	int status;
	try {
		engine = new struct engine;
		status = load(engine, config, error);
	} catch (const std::exception &exception) {
		status = fail(error, -EINVAL, std::string(config->model) + " is no cascade that OpenCV reads");
	}
	if (status < 0)
		delete engine;
	else
		*out_state = engine;
	return status;
}

void cascade_input(void *, struct zoe_detector_input *out)
{
	out->format = ZOE_FORMAT_GREY;
	out->batch = 1;
}

const char *cascade_label(void *state, uint32_t class_id)
{
	return class_id == 0 ? static_cast<struct engine *>(state)->label.c_str() : nullptr;
}

/* Hits that lie together are one box; how many they were is its score. */
int cascade_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t, struct zoe_detector_found *found,
                  char *error)
{
	struct engine *engine = static_cast<struct engine *>(state);
	const struct zoe_image &image = pictures->image;
	const float width = (float)image.width, height = (float)image.height;
	const int least = std::max(1, (int)(engine->min_size * image.height));
	std::vector<cv::Rect> boxes;
	std::vector<int> hits;
	try {
		cv::Mat grey((int)image.height, (int)image.width, CV_8UC1, const_cast<void *>(pictures->data),
		             image.planes[0].stride);
		engine->cascade.detectMultiScale(grey, boxes, hits, engine->scale, 3, 0, cv::Size(least, least));
	} catch (const std::exception &exception) {
		return fail(error, -EIO, std::string("OpenCV failed on a picture: ") + exception.what());
	}
	for (size_t i = 0; i < boxes.size() && found->count < found->room; i++) {
		struct zoe_detection box = {};
		box.x = (float)boxes[i].x / width;
		box.y = (float)boxes[i].y / height;
		box.w = (float)boxes[i].width / width;
		box.h = (float)boxes[i].height / height;
		box.score = std::min(1.0F, (float)hits[i] / engine->sure);
		if (box.score >= engine->threshold)
			found->boxes[found->count++] = box;
	}
	std::sort(found->boxes, found->boxes + found->count,
	          [](const struct zoe_detection &a, const struct zoe_detection &b) { return a.score > b.score; });
	return 0;
}

void cascade_close(void *state)
{
	delete static_cast<struct engine *>(state);
}

} // namespace

extern "C" const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    ZOE_DETECTOR_ABI,
	    "cascade",
	    "Boosted cascades (Haar, LBP), run by OpenCV: faces and the like, for small machines.",
	    options,
	    cascade_open,
	    cascade_input,
	    cascade_label,
	    cascade_infer,
	    cascade_close,
	};
	return &table;
}
