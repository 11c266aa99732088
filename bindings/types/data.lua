---@meta
--- What tide.core offers to data: trees, datasets, replay. Annotations for editors only.

---@class tide.batch
---@field observations tide.tensor (n, S), real rows first
---@field actions tide.tensor (n, A)
---@field rewards tide.tensor (n)
---@field next_observations tide.tensor (n, S)
---@field terminals tide.tensor (n), 0 or 1
---@field n_real integer
---@field n_sim integer

--- A fixed real part and a ring of simulated transitions.
---@class tide.replay
---@field observation_dim integer
---@field action_dim integer
---@field capacity integer of the ring
local replay = {}

---@param observation tide.tensor|number[]
---@param action tide.tensor|number[]
---@param reward number
---@param next_observation tide.tensor|number[]
---@param terminal boolean|0|1
---@return tide.replay self
function replay:add(observation, action, reward, next_observation, terminal) end

--- Uniform with replacement; tensors of the running step.
---@param rng tide.rng
---@param n_real integer
---@param n_sim integer
---@return tide.batch
function replay:sample(rng, n_real, n_sim) end

---@param part? "real"|"sim"|"both"
---@return integer
function replay:count(part) end

---@return table the ring, for core.tree_write
function replay:state() end

---@param state table
---@return tide.replay self
function replay:restore(state) end

function replay:close() end

---@alias tide.array_name "observations"|"actions"|"rewards"|"next_observations"|"terminals"|"timeouts"|"infos/qpos"|"infos/qvel"

---@class tide.dataset
---@field observation_dim integer
---@field action_dim integer
---@operator len: integer
local dataset = {}

---@return integer transitions
function dataset:count() end

---@param name tide.array_name
---@return tide.tensor a copy
function dataset:tensor(name) end

---@param name tide.array_name
---@param first integer from 1
---@param n integer
---@return tide.tensor a copy
function dataset:rows(name, first, n) end

--- The state before that row's action, in full precision; of a dataset read with infos.
---@param row integer from 1
---@return number[] qpos
---@return number[] qvel
function dataset:state(row) end

--- Of the observations: population figures, or as the authors of H2O compute them over a padded buffer.
---@param padded_rows? integer
---@return tide.tensor mean
---@return tide.tensor std
function dataset:statistics(padded_rows) end

---@return tide.dataset_info
function dataset:info() end

function dataset:close() end

---@class tide.dataset_info
---@field path string
---@field rows integer
---@field file_rows integer
---@field dropped integer
---@field terminals integer
---@field timeouts integer
---@field unmarked_cuts integer
---@field unmarked_ends integer
---@field stand_ins integer
---@field zero_columns integer
---@field episodes integer
---@field unfinished integer
---@field observation_dim integer
---@field action_dim integer
---@field return_min? number
---@field return_mean? number
---@field return_max? number
---@field length_min? integer
---@field length_mean? number
---@field length_max? integer
---@field next_observations "file"|"next row"
---@field timeouts_from "file"|"max_episode_steps"|"none"
---@field metadata? table

--- The arrays of a D4RL or Minari file, a block of rows at a time.
---@class tide.arrays
local arrays = {}

---@return string path of the HDF5 file
function arrays:path() end

---@return "d4rl"|"minari"
function arrays:layout() end

---@return integer rows of the observations
function arrays:count() end

---@return integer episodes of a Minari file; 0 of D4RL's
function arrays:episodes() end

---@param i integer
---@return integer first row of a Minari file's episode
---@return integer n
function arrays:episode(i) end

---@class tide.array_about
---@field name string
---@field fault? string why it cannot be read; then there is nothing else
---@field type? "float32"|"float64"|"boolean"|"uint8"|"int32"|"int64"
---@field rows? integer
---@field shape? integer[] of a row

---@return tide.array_about[]
function arrays:list() end

---@param name string
---@param first integer
---@param n integer
---@return tide.tensor
function arrays:rows(name, first, n) end

--- In full precision.
---@param name string
---@param first integer
---@param n integer
---@return number[] elements row-major
function arrays:numbers(name, first, n) end

---@class tide.scan
---@field odd integer rows with a NaN or infinity
---@field odd_rows integer[] the first of them
---@field outside integer rows with a number out of bounds
---@field outside_rows integer[]
---@field least number[] of each column
---@field greatest number[]

---@param name string
---@param first integer
---@param n integer
---@param low? number
---@param high? number
---@return tide.scan
function arrays:scan(name, first, n, low, high) end

--- The rows i, of n from `first` on, where a's row i is not b's row i + shift.
---@param a string
---@param b string
---@param shift integer
---@param first integer
---@param n integer
---@return integer[]
function arrays:differing(a, b, shift, first, n) end

function arrays:close() end

--- Makes a file of arrays that grow; below, each method but commit and close returns the writer.
---@class tide.arrays_writer
local arrays_writer = {}

---@param name string "infos/qpos" stands in the group infos
---@param type "float32"|"float64"|"boolean"|"uint8"|"int32"|"int64"
---@param shape integer[] of a row; {} for single numbers
---@param rows? integer how many are expected
---@return tide.arrays_writer self
function arrays_writer:array(name, type, shape, rows) end

--- Rows of another file, converted to the array's type.
---@param name string
---@param from tide.arrays
---@param name_there string
---@param first integer
---@param n integer
---@return tide.arrays_writer self
function arrays_writer:copy(name, from, name_there, first, n) end

---@param name string
---@param numbers number[] the elements of whole rows
---@return tide.arrays_writer self
function arrays_writer:append(name, numbers) end

--- The arrays below the group are complete: they are written and closed.
---@param group string
---@return tide.arrays_writer self
function arrays_writer:finish(group) end

--- An attribute of a group.
---@param group string
---@param name string
---@param value integer
---@return tide.arrays_writer self
function arrays_writer:integer(group, name, value) end

--- D4RL's group `metadata`, as core.tree_write writes it.
---@param metadata table
---@return tide.arrays_writer self
function arrays_writer:metadata(metadata) end

--- The file is in place, whole; the writer is closed either way.
function arrays_writer:commit() end

--- Without a commit nothing is left of the file.
function arrays_writer:close() end

--- Goes through a file block by block, and comes to the same figures as reading it.
---@class tide.dataset_survey
local survey = {}

---@return integer done rows
---@return integer total rows
function survey:step() end

---@return tide.dataset_info
function survey:info() end

---@return tide.tensor mean
---@return tide.tensor std
function survey:statistics() end

function survey:close() end

---@class tide.dataset_writer
local writer = {}

---@param observation tide.tensor|number[]
---@param action tide.tensor|number[]
---@param reward number
---@param next_observation tide.tensor|number[]
---@param terminal boolean|0|1
---@param timeout boolean|0|1
---@param qpos? number[] the state before the action
---@param qvel? number[]
---@return tide.dataset_writer self
function writer:add(observation, action, reward, next_observation, terminal, timeout, qpos, qvel) end

---@return integer transitions so far
function writer:count() end

--- The file is in place, whole; the writer is closed either way.
function writer:commit() end

--- Without a commit nothing is left of the file.
function writer:close() end

---@class tide.core
local core = {}

--- Writes nested tables as HDF5 groups, whole or not at all.
---@param path string
---@param tree table
function core.tree_write(path, tree) end

---@param path string
---@param group? string
---@param lenient? boolean what a tree cannot hold is passed over
---@return table
function core.tree_read(path, group, lenient) end

---@param path string a D4RL file, the folder of a Minari dataset, or its HDF5 file
---@param options? { max_episode_steps?: integer, observation_dim?: integer, infos?: boolean }
---@return tide.dataset
function core.dataset_read(path, options) end

---@param path string as dataset_read
---@param options? { max_episode_steps?: integer }
---@return tide.dataset_survey
function core.dataset_survey(path, options) end

---@param path string as dataset_read
---@return tide.arrays
function core.arrays_open(path) end

---@param path string
---@return tide.arrays_writer
function core.arrays_writer(path) end

--- Any numeric dataset in full precision.
---@param path string
---@param dataset string
---@return number[] elements row-major
---@return integer[] dimensions
function core.tree_read_numbers(path, dataset) end

---@class tide.dataset_writer_options
---@field observation_dim integer
---@field action_dim integer
---@field metadata? table
---@field infos? { qpos: integer, qvel: integer }

---@param path string
---@param options tide.dataset_writer_options
---@return tide.dataset_writer
function core.dataset_writer(path, options) end

---@param observation_dim integer
---@param action_dim integer
---@param capacity integer
---@param dataset? tide.dataset
---@return tide.replay
function core.replay(observation_dim, action_dim, capacity, dataset) end

return core
