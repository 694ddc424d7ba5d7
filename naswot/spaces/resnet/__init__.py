"""ResNet-like networks: four stages of basic or bottleneck blocks, for images of any size.

After ResNet (He et al., CVPR 2016), ResNeXt (Xie et al., CVPR 2017) and RegNet (Radosavovic et al.,
CVPR 2020). An architecture is one word; this is close to ResNet-18, for images of 32 × 32 pixels::

    resnet-h0s64-d2w64k3b-d2w128k3b-d2w256k3b-d2w512k3b

`h` are the halvings of the resolution by the stem (0, or 1 by its stride, or 2 with a pooling), `s`
its channels. A stage has a depth `d` in blocks, a width `w` in channels of its k × k convolutions,
their kernel `k`, and a kind of block: `b` is basic; `n4` is a bottleneck with 4·w channels in and
out (`n1`, `n2`: as many, twice as many); `n4g8` is one whose k × k convolution has groups of 8
channels.
"""
