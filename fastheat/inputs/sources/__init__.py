"""Where matrices come from: memory, files of every kind, folders and clusters.

- `arrays`, `masks`, `tensors`: one matrix as numpy has it, and what of it is hidden.
- `shapes`: rows and columns of one matrix or of several with names.
- `source`: what reads any of its frames, and is given to other processes.
- `files`: the frames of a path.
- `readers`: the list of file formats, and how each is recognised.
- `npy`, `npz`, `pickles`, `tensorfiles`, `torchfiles`, `zarrfolders`, `hdf5files`,
  `textfiles`: one format each.
- `checkpoints`: a series of files, each of which has a frame.
- `datasets`: arrays of zarr, h5py and dask.
- `named`, `bounds`: what is chosen by name, and how large a file may claim to be.
"""
