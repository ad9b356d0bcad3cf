"""Recurrent layers over the rows of an image."""

from typing import Any

from tests.convert.kinds.registry import layer_kinds


def rows(layers: Any, *after: Any) -> list[Any]:
    """Six rows of an image of 6x6x3."""
    return [layers.Reshape((6, 18)), *after]


layer_kinds(
    {
        "recurrent, LSTM": lambda new: rows(new, new.LSTM(5)),
        "recurrent, LSTM on LSTM": lambda new: rows(new, new.LSTM(5, return_sequences=True), new.LSTM(4)),
        "recurrent, LSTM unrolled": lambda new: rows(new, new.LSTM(5, unroll=True)),
        "recurrent, LSTM backwards": lambda new: rows(new, new.LSTM(5, go_backwards=True)),
        "recurrent, GRU": lambda new: rows(new, new.GRU(5)),
        "recurrent, GRU, reset before": lambda new: rows(new, new.GRU(5, reset_after=False)),
        "recurrent, simple": lambda new: rows(new, new.SimpleRNN(5)),
        "recurrent, both ways, LSTM": lambda new: rows(new, new.Bidirectional(new.LSTM(4))),
        "recurrent, both ways, GRU": lambda new: rows(new, new.Bidirectional(new.GRU(4, return_sequences=True), "sum")),
        "recurrent, stacked cells": lambda new: rows(new, new.RNN([new.GRUCell(4), new.LSTMCell(3)])),
        "recurrent, convolution": lambda new: [new.Reshape((3, 6, 6, 1)), new.ConvLSTM2D(3, 3)],
        "recurrent, convolution of rows": lambda new: [new.Reshape((6, 6, 3)), new.ConvLSTM1D(3, 3)],
    },
    shape=(6, 6, 3),
)
