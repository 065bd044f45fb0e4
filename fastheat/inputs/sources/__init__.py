"""Readers of matrices in memory, in files and folders of many formats, and on clusters.

- `arrays`, `masks`, `tensors`: array-likes as numpy arrays, and their masked cells.
- `labelled`: labels that tables carry, and matrices in the order of them.
- `objects`: objects that are numbers.
- `remedies`: why objects are no arrays of numbers, and what to give instead.
- `shapes`: shapes of frames that hold one matrix, or several with names.
- `source`: the `Source` protocol for random access to frames, and the sources of arrays.
- `files`: paths to frames, by the kind of file.
- `readers`: the list of file formats, and how each is recognised.
- `packed`: files that are compressed as a whole.
- `npy`, `npz`, `pickles`, `tensorfiles`, `torchfiles`, `zarrfolders`, `hdf5files`,
  `textfiles`: file formats.
- `pickle_globals`, `zarr_codecs`: the functions that pickles may name, and the decoders of chunks.
- `checkpoints`: a series of files with one frame each.
- `pickled`, `histories`, `hdf5tensors`: a whole history in one file of pickles, tensors or HDF5.
- `datasets`: arrays of zarr, h5py and dask.
- `contents`: nested containers of a file, and which of their values are frames.
- `numbering`: the numbers in names that count steps.
- `named`, `bounds`: choice of an array by name, and limits on the size that a file may claim.
"""
