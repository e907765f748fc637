"""What every kline format shares: names of columns, stamps, the rows of a file, the files of a day."""
