"""Example architectures of several spaces, written as in benchmark tables."""

TOPOLOGY = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|nor_conv_1x1~1|none~2|"
VERTICES = (
    '{"matrix":[[0,1,1,1,0],[0,0,0,0,1],[0,0,0,0,0],[0,0,0,0,1],[0,0,0,0,0]],'
    '"ops":["input","conv3x3-bn-relu","maxpool3x3","conv1x1-bn-relu","output"]}'
)
MICRO = "64-41414-1_02_333"  # the examples of TransNAS-Bench-101's readme, the second one longer
MACRO = "64-421331-basic"


def cells(searchspace="DARTS", operations=("sep_conv_3x3", "skip_connect"), **changes) -> dict:
    """Return a small network of cells that uses `operations`, two or a multiple, in both cells."""
    edges = [[name, i % 2] for i, name in enumerate(operations)]
    concat = [2 + node for node in range(len(edges) // 2)]
    genotype = {"normal": edges, "normal_concat": concat}
    genotype |= {"reduce": edges, "reduce_concat": concat}
    net = {"width": 4, "depth": 3, "aux": False, "drop_prob": 0.0, "genotype": genotype}
    return {"searchspace": searchspace, "net": net | changes}


def bottlenecks(**changes) -> dict:
    described = {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": None, "ss": [1, 2]}
    described |= {"block_type": "res_bottleneck_block", "ds": [2, 1], "ws": [16, 32]}
    return described | {"bms": [0.5, 0.25], "gws": [4, 2]} | changes


def basics(block="res_basic_block") -> dict:
    return bottlenecks(block_type=block, bms=[], gws=[])
