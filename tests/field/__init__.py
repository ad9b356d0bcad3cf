"""The acceptance matrix: small ONNX models of every kind that the service says it serves right, and bad ones.

case.py          what a case is: the model, the preprocessing it wants, its labels
pictures.py      what is uploaded
weights.py       … the numbers in a model
networks.py      … the model as an ONNX file
reference.py     … the same in numpy, and the preprocessing; nothing of service/ is imported
inputs.py, outputs.py, scaling.py, described.py, neighbours.py, placed.py     good cases
bad_files.py, bad_models.py, bad_metadata.py                                  bad cases
cases.py         all of them
folder.py        … as one models folder; `python -m tests.field FOLDER` writes it
"""
