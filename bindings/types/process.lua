---@meta
--- What tide.core offers to runs: the process, its terminal, TensorBoard's files. Annotations for editors only.

---@class tide.versions
---@field tide string
---@field lua string
---@field mujoco string
---@field hdf5 string
---@field openblas string
---@field kernel string the processor kernel that OpenBLAS picked
---@field products "avx512"|"avx2"|"openblas" who makes the matrix products
---@field threads integer of the matrix products

---@class tide.process
local process = {}

--- From now on SIGTERM, SIGINT and SIGUSR1 set a flag; a second SIGINT ends the process. Clears the flag.
function process.catch_signals() end

--- Puts back the handlers from before `catch_signals` and clears the flag.
function process.release_signals() end

---@return "SIGTERM"|"SIGINT"|"SIGUSR1"|nil
function process.signalled() end

---@return number seconds from some start, never set back
function process.monotonic() end

---@return number seconds since 1970
function process.wall_time() end

---@param descriptor 0|1|2 standard input, output or errors
---@return boolean
function process.is_terminal(descriptor) end

---@param descriptor 0|1|2
---@return integer|nil columns
function process.terminal_width(descriptor) end

---@param descriptor 0|1|2
---@return integer|nil rows
function process.terminal_height(descriptor) end

--- The cores that this process may run on, rising.
---@return integer[]
function process.cores() end

--- From now on this process, and what it starts, runs on these cores alone.
---@param cores integer[]
function process.pin(cores) end

--- Replaces the file, whole or not at all.
---@param path string
---@param text string
function process.write_file(path, text) end

--- Who else holds a lock on the file, as lfs.lock takes it; 0 where the holder is on another machine. Takes no lock.
--- This process's own locks on the file end by asking.
---@param path string
---@return integer|nil process
function process.lock_holder(path) end

---@return string
function process.hostname() end

---@return integer
function process.pid() end

---@return tide.versions
function process.versions() end

---@class tide.events
local events = {}

--- Appends one record; it is in the file on return.
---@param step integer
---@param wall_time number
---@param tags string[]
---@param values number[] as many as tags
function events:add(step, wall_time, tags, values) end

--- Returns when all records are on disk.
function events:sync() end

function events:close() end

---@class tide.core
---@field process tide.process
---@field line tide.line
local core = {}

--- Makes a TensorBoard event file; one that exists is refused.
---@param path string
---@param wall_time number
---@return tide.events
function core.events(path, wall_time) end

--- Rewrites the file without the records past `step`.
---@param path string
---@param step integer
---@return integer dropped
function core.events_cut(path, step) end

return core
