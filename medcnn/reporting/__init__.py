"""Results in, figures and one self-contained ``report.html`` out; needs no torch."""
