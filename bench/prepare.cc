/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a network's input out of a camera's picture: ours (roles/detector_prepare.h) beside OpenCV's cvtColor() and
 * blobFromImage(), which takes four pixels for each of the result's, and beside INTER_AREA, which takes all, as ours
 * does. The three take turns; times are of this thread's CPU, so that other work on the machine does not count.
 *
 *   bench-prepare ROUNDS    a line of JSON for each picture: medians in seconds, mean differences in steps of 1/255
 */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

#include <opencv2/core/utility.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

extern "C" {
#include "roles/detector_prepare.h"
}

namespace
{

constexpr int side = 300; /* of the SSD */
constexpr double middle = 127.5;

struct kind {
	const char *name;
	uint32_t format;
	int code; /* of cvtColor() to BGR; -1 = it is that */
};

const kind kinds[] = {
    {"NV12", ZOE_FORMAT_NV12, cv::COLOR_YUV2BGR_NV12},
    {"I420", ZOE_FORMAT_I420, cv::COLOR_YUV2BGR_I420},
    {"YUYV", ZOE_FORMAT_YUYV, cv::COLOR_YUV2BGR_YUYV},
    {"BGR", ZOE_FORMAT_BGR24, -1},
};

double now()
{
	timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A picture of the camera; OpenCV sees the same bytes. */
struct source {
	zoe_image image = {};
	std::vector<uint8_t> bytes;
	cv::Mat mat;

	source(const kind &kind, int width, int height)
	{
		image.format = kind.format;
		image.width = (uint32_t)width;
		image.height = (uint32_t)height;
		bytes.resize((size_t)zoe_image_layout(&image, 1));
		/* smooth, as pictures are: what differs between the three is then rounding, not aliasing */
		for (uint32_t plane = 0; plane < image.plane_count; plane++) {
			const size_t begin = image.planes[plane].offset, stride = image.planes[plane].stride;
			const size_t end =
			    plane + 1 < image.plane_count ? image.planes[plane + 1].offset : bytes.size();
			for (size_t at = begin; at < end; at++)
				bytes[at] =
				    (uint8_t)(60 + (at - begin) / stride % 1000 / 12 + (at - begin) % stride / 60);
		}
		const bool planar = kind.format == ZOE_FORMAT_NV12 || kind.format == ZOE_FORMAT_I420;
		mat = cv::Mat(planar ? height * 3 / 2 : height, width,
		              planar                           ? CV_8UC1
		              : kind.format == ZOE_FORMAT_YUYV ? CV_8UC2
		                                               : CV_8UC3,
		              bytes.data());
	}
};

void in_opencv(const source &source, const kind &kind, bool area, cv::Mat &out)
{
	static cv::Mat converted, scaled;
	const cv::Scalar mean(middle, middle, middle);
	cv::Mat picture = source.mat;
	if (kind.code >= 0) {
		cv::cvtColor(source.mat, converted, kind.code);
		picture = converted;
	}
	if (area) {
		cv::resize(picture, scaled, cv::Size(side, side), 0, 0, cv::INTER_AREA);
		picture = scaled;
	}
	cv::dnn::blobFromImage(picture, out, 1 / middle, cv::Size(side, side), mean, true, false);
}

void in_ours(struct prepare *prepare, const source &source, zoe_detector_picture *out)
{
	char error[ZOE_DETECTOR_ERROR_BYTES];
	if (prepare_put(prepare, 0, &source.image, source.bytes.data(), source.bytes.size(), out, error) < 0) {
		fprintf(stderr, "bench-prepare: %s\n", error);
		exit(1);
	}
}

double median(std::vector<double> &values)
{
	std::nth_element(values.begin(), values.begin() + (long)values.size() / 2, values.end());
	return values[values.size() / 2];
}

double difference(const void *ours, const cv::Mat &theirs)
{
	const cv::Mat mine(1, 3 * side * side, CV_32F, const_cast<void *>(ours));
	return cv::norm(mine, theirs.reshape(1, 1), cv::NORM_L1) / (3 * side * side) * middle;
}

void compare(struct prepare *prepare, const kind &kind, int width, int height, int rounds)
{
	const source source(kind, width, height);
	std::vector<double> ours, linear, area;
	zoe_detector_picture made = {};
	cv::Mat by_linear, by_area;
	const std::function<void()> ways[] = {[&] { in_ours(prepare, source, &made); },
	                                      [&] { in_opencv(source, kind, false, by_linear); },
	                                      [&] { in_opencv(source, kind, true, by_area); }};
	std::vector<double> *const times[] = {&ours, &linear, &area};
	for (int round = 0; round < rounds + 2; round++) {
		/* who comes second finds more of the picture in the caches: ours and blobFromImage() by turns */
		for (int turn = 0; turn < 3; turn++) {
			const int way = turn == 2 ? 2 : (turn + round) % 2;
			const double begin = now();
			ways[way]();
			if (round >= 2) /* before, memory is touched for the first time */
				times[way]->push_back(now() - begin);
		}
	}
	printf("{\"picture\": \"%dx%d %s\", \"ours\": %.9f, \"linear\": %.9f, \"area\": %.9f, \"linear_off\": %.3f, "
	       "\"area_off\": %.3f}\n",
	       width, height, kind.name, median(ours), median(linear), median(area), difference(made.data, by_linear),
	       difference(made.data, by_area));
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 2 || atoi(argv[1]) < 1) {
		fprintf(stderr, "usage: bench-prepare ROUNDS\n");
		return 2;
	}
	zoe_detector_input input = {};
	input.format = ZOE_FORMAT_RGB24;
	input.layout = ZOE_LAYOUT_NCHW;
	input.width = input.height = side;
	input.batch = 1;
	for (int channel = 0; channel < 3; channel++) {
		input.mean[channel] = (float)middle;
		input.scale[channel] = (float)(1 / middle);
	}
	char error[ZOE_DETECTOR_ERROR_BYTES];
	struct prepare *prepare = nullptr;
	if (prepare_create(&input, &prepare, error) < 0) {
		fprintf(stderr, "bench-prepare: %s\n", error);
		return 1;
	}
	cv::setNumThreads(1);
	for (const kind &kind : kinds) {
		compare(prepare, kind, 768, 576, atoi(argv[1]));
		compare(prepare, kind, 1920, 1080, atoi(argv[1]));
	}
	prepare_destroy(prepare);
	return 0;
}
