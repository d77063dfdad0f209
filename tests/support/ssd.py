# SPDX-License-Identifier: Apache-2.0
"""SSD decoding in numpy: another computation of what drivers/detector/ssd.c does."""
import numpy as np


def anchors():
    scales = [0.2 + 0.75 * i / 5 for i in range(6)] + [1.0]
    rows = []
    for level, cells in enumerate((19, 10, 5, 3, 2, 1)):
        scale, ratios = scales[level], np.sqrt([1, 2, 0.5, 3, 0.3333])
        if level == 0:
            sizes = [(0.1, 0.1)] + [(scale * r, scale / r) for r in ratios[1:3]]
        else:
            square = np.sqrt(scale * scales[level + 1])
            sizes = [(scale * r, scale / r) for r in ratios] + [(square, square)]
        rows += [((x + 0.5) / cells, (y + 0.5) / cells, w, h) for y in range(cells) for x in range(cells) for w, h in sizes]
    return np.array(rows)


def decode(boxes, logits, threshold):
    """Returns rows of class, score, x, y, w, h, best first."""
    a = anchors()
    best = logits[:, 1:].argmax(axis=1) + 1
    score = 1 / (1 + np.exp(-logits[np.arange(len(logits)), best].astype(np.float64)))
    centre = boxes[:, [1, 0]] / 10 * a[:, 2:] + a[:, :2]
    half = np.exp(boxes[:, [3, 2]] / 5) * a[:, 2:] / 2
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    left = [i for i in np.argsort(-score, kind="stable") if score[i] >= threshold and (high[i] > low[i]).all()]
    kept = []
    while left:
        i, *left = left
        kept.append(i)
        both = np.clip(np.minimum(high[left], high[i]) - np.maximum(low[left], low[i]), 0, None).prod(axis=1)
        iou = both / ((high[left] - low[left]).prod(axis=1) + (high[i] - low[i]).prod() - both)
        left = [j for j, o in zip(left, iou) if best[j] != best[i] or o <= 0.5]
    return np.array([(best[i], score[i], *low[i], *(high[i] - low[i])) for i in kept])
