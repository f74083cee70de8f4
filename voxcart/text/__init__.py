"""Text functions shared by recognition, understanding and synthesis: numbers, amounts, dates, ITN, pinyin, words."""
