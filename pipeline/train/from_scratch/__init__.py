"""What only training from scratch needs: tokenizer, word alignment, guided attention, Muon, rounds of summaries."""
