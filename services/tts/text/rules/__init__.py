"""Rules that say what is not written in words: numbers, money, units, dates, codes; Mandarin and English."""
