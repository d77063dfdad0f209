/* SPDX-License-Identifier: Apache-2.0 */
/* The element zoetropesrc: frames of a topic as a live source, in place. */
#ifndef ZOETROPE_GST_SRC_H
#define ZOETROPE_GST_SRC_H

#include <gst/base/gstpushsrc.h>

G_DECLARE_FINAL_TYPE(ZoetropeSrc, zoetrope_src, ZOETROPE, SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE(zoetropesrc)

#endif
