"""The tapes of a day held against its klines and each other, minute by minute; mended, and chosen from."""
