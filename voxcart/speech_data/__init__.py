"""Speech to develop and measure recognition with: own texts, synthesised, and sent through rooms, noise and telephones.

Nothing of the audio is kept in the repository; ``voxcart data speech`` makes it again, always the same.
"""
