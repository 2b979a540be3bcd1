"""Linear and mixed-integer programs of a graph, and their solver."""
