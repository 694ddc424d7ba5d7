"""Mobile networks: stages of inverted residual blocks, for images of any size and few operations.

After MobileNetV2 (Sandler et al., CVPR 2018) and V3 (Howard et al., ICCV 2019). Depth, kernel and
expansion vary per stage, as in Once-for-All (Cai et al., ICLR 2020), and so do width and
squeeze-and-excitation. An architecture is one word::

    mobile-h0s16-k3e3d2w24r0-k5e3d2w40r1-k3e6d3w80r0-k3e6d2w112r1-k5e6d3w160r1-f960

`h` are the halvings of the resolution by the stem and the first stage, `s` the channels of the
stem, `f` those of the last 1×1 convolution. A stage has a kernel `k`, an expansion `e`, a depth `d`
in blocks, a width `w` in channels, and squeeze-and-excitation if `r` is 1.

All activations are ReLUs in the space ``mobile``, and hard-swishes in ``mobile_hswish``. They are
two spaces because scores that read ReLUs alone, such as naswot, cannot compare one with the other.
"""
