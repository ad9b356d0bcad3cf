"""Coverage-guided fuzzing of what strangers' bytes reach first: decoders, the multipart and the tensor reader.

    python -m tests.fuzz png --seconds 60
    python -m tests.fuzz jpeg --seconds 60
    python -m tests.fuzz webp --seconds 60
    python -m tests.fuzz multipart --seconds 30
    python -m tests.fuzz tensors --seconds 30

    command.py           seeds → fuzz → the decoder's share → leaks → exit status
    harness.py           the process that atheris fuzzes in
    targets.py           what can be fuzzed
    decoded.py           decode and fit: what they may give of any bytes
    png_target.py        … and of a PNG
    png_seeds.py         pictures to begin with
    png_mutator.py       changes to a PNG's structure, with repaired checksums, by chunks.py and rows.py
    jpeg_target.py       … of a JPEG, with its mutator; webp_target.py of a WebP; photo_seeds.py for both
    multipart_target.py  read_parts: what it may give; with its seeds and its mutator
    tensor_target.py     read_infer_request: what it may give; with its seeds and its mutator
    sentences.py         what the message of a refusal may look like
    leaks.py             references and memory that are not given back
    stand_ins.py         decoders that leak, to prove that this is noticed
    counts.py            what the fuzzing process counts

atheris has wheels for Linux on x86-64. What is found lies in .fuzz/; `png_target.check(data)` shows it again. Once
understood, it is built by code in test_regressions.py, with what it must give.
"""
