"""Files that people bring: read strictly, judged row by row, taken in whole or not at all."""
