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
---@field stand_ins integer
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
---@return table
function core.tree_read(path, group) end

---@param path string
---@param options? { max_episode_steps?: integer, infos?: boolean }
---@return tide.dataset
function core.dataset_read(path, options) end

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
