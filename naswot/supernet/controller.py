"""The controller of ENAS: an LSTM that draws one operation after the other."""

import torch
from torch import nn

from naswot.supernet.cells import CellSpace, Genes

WIDTH = 32
TEMPERATURE, SCALE = 5.0, 2.5
SPREAD = 0.1


class Controller(nn.Module):
    """Two layers of LSTM cells, 32 wide, whose input is the operation drawn before.

    Logits are 2.5·tanh(h/5). The first input, the embedding, the weights of the last layer and of
    the first LSTM layer begin uniform in ±.1, the others as torch draws them.
    """

    def __init__(self, space: CellSpace):
        super().__init__()
        self.edges, operations = len(space.edges), len(space.operations)
        self.first = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.lstm = nn.LSTM(WIDTH, WIDTH, num_layers=2)
        self.embedding = nn.Embedding(operations, WIDTH)
        self.last = nn.Linear(WIDTH, operations)
        layer = dict(self.lstm.named_parameters())
        layer_0 = layer["weight_ih_l0"], layer["weight_hh_l0"]
        for weight in (self.first, *layer_0, self.embedding.weight, self.last.weight):
            nn.init.uniform_(weight, -SPREAD, SPREAD)

    def forward(
        self, generator: torch.Generator | None = None, genes: Genes | None = None
    ) -> tuple[Genes, torch.Tensor, torch.Tensor]:
        """Draw an architecture, or take `genes`.

        Returns:
            Its genes; the logarithm of its probability; the sum of the entropies of its draws.
        """
        value: torch.Tensor = self.first
        state = None
        drawn: list[int] = []
        likely, entropy = [], []
        for edge in range(self.edges):
            value, state = self.lstm(value, state)
            logits = SCALE * torch.tanh(self.last(value[0, 0]) / TEMPERATURE)
            logs = torch.log_softmax(logits, dim=0)
            if genes is None:
                shares = logs.detach().exp().cpu()
                gene = int(torch.multinomial(shares, 1, generator=generator))
            else:
                gene = genes[edge]
            drawn.append(gene)
            likely.append(logs[gene])
            entropy.append(-(logs * logs.exp()).sum())
            value = self.embedding.weight[gene].reshape(1, 1, WIDTH)
        return tuple(drawn), torch.stack(likely).sum(), torch.stack(entropy).sum()
