"""Vietnamese text: normalization, sentences, chunking, legacy encodings, near duplicates."""
