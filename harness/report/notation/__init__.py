"""How figures are written for people: units, digits, marks, names of quantities and of sweep points."""
