"""What only serves training from scratch: tokenizer, word alignment, guided attention, Muon, rounds of summaries."""
