---@meta
--- Datasets, their recipes, robots' text logs. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide.dataset_module
---@field defaults table
local datasets = {}

---@param path string a D4RL file, the folder of a Minari dataset, or its main_data.hdf5
---@param options? { max_episode_steps?: integer, observation_dim?: integer, infos?: boolean }
---@return tide.dataset
function datasets.read(path, options) end

--- What a file says about itself: D4RL's group, or Minari's metadata.json with `env` added.
---@param path string
---@return table|nil
function datasets.metadata(path) end

--- The environment that is given, that the metadata names, or that the file is called after.
---@param path string
---@param metadata? table
---@param named? string
---@return tide.env|nil
---@return "given"|"metadata"|"file name"|nil
function datasets.environment_of(path, metadata, named) end

--- What was done about a file's defects when it was read, a line each.
---@param info tide.dataset_info
---@return string[]
function datasets.notes(info) end

--- Counts, returns and scores; tostring makes it text.
---@param path string
---@param options? { env?: string, random?: number, expert?: number, max_episode_steps?: integer, report?: fun(done: integer, total: integer) }
---@return tide.dataset_info
function datasets.info(path, options) end

--- Terminal rows whose next observation is no state that ends an episode of that environment.
---@param data tide.dataset
---@param definition tide.env
---@return integer stray
---@return integer checked of the terminals, 1000 at most; 0 where next observations do not tell
function datasets.stray_terminals(data, definition) end

---@class tide.dataset_check
---@field level "ok"|"note"|"warning"|"defect"
---@field name string
---@field text string
---@field rows? integer[] the first of them, from 1

---@class tide.dataset_report
---@field path string
---@field checks tide.dataset_check[]
---@field defects integer
---@field warnings integer
---@field rows? integer
---@field episodes? integer

--- Checks shapes, numbers, ends, next observations, and rows against the environment's physics; tostring makes it text.
---@param path string
---@param options? { env?: string, max_episode_steps?: integer, samples?: integer, tolerance?: number, reward_tolerance?: number, report?: fun(done: integer, total: integer) }
---@return tide.dataset_report
function datasets.verify(path, options) end

--- D4RL's layout to Minari's, a folder NAME-vN; or Minari's to D4RL's, a file.
---@param input string
---@param output string
---@param options? { env?: string, max_episode_steps?: integer, id?: string, force?: boolean, report?: fun(done: integer, total: integer) }
---@return { to: "minari"|"d4rl", path: string, rows: integer, episodes: integer, notes: string[] }
function datasets.convert(input, output, options) end

--- Transitions or whole episodes drawn at random, in the order of the file, to a file in D4RL's layout.
---@param input string
---@param output string
---@param options { transitions?: integer, episodes?: integer, fraction?: number, whole?: boolean, seed?: integer, env?: string, max_episode_steps?: integer, force?: boolean, report?: fun(done: integer, total: integer) }
---@return { path: string, rows: integer, runs: integer, terminals: integer, timeouts: integer, cut: integer, notes: string[] }
function datasets.subset(input, output, options) end

---@class tide.recipes
local recipes = {}

---@return string
function recipes.folder() end

--- What `make` can make; with `all`, also what needs policies that do not come with Tide.
---@param all? boolean
---@return string[] names
function recipes.list(all) end

---@class tide.recipe
---@field name string
---@field env string
---@field made_of string
---@field transitions integer unless told; of a training, at most so many
---@field training boolean
---@field medium_return? number where a training ends
---@field path string
---@field exists boolean
---@field missing string[] policies that it needs and that are not there

---@param name string
---@return tide.recipe
function recipes.about(name) end

--- Refuses a name that nobody knows, and one whose policies are not there.
---@param name string
function recipes.check(name) end

---@param name string a name or a path
---@return string
function recipes.path(name) end

---@param name string
---@return boolean
function recipes.exists(name) end

---@param name string
---@param options? { max_episode_steps?: integer, observation_dim?: integer, infos?: boolean }
---@return tide.dataset
function recipes.open(name, options) end

---@param name string
---@param options { transitions?: integer, seed?: integer, path?: string, report?: fun(rows: integer, total: integer) }
---@return string path
---@return table about
function recipes.make(name, options) end

--- The soft actor-critic in the real environment that behaviour policies and replay datasets come from.
---@param prefix string such as "halfcheetah"
---@param options? { steps?: integer, seed?: integer, threads?: integer }
---@return tide.run
function recipes.behaviour(prefix, options) end

--- Writes everything that a run rolled out as a dataset.
---@param run_ tide.run
---@param path string
---@param about table
---@return integer transitions
function recipes.write_replay(run_, path, about) end


---@class tide.text_log_options
---@field columns? string[] the header's
---@field env? string|tide.env|false whose reward_of computes rewards
---@field rate? number|false rows a second
---@field scale_action? number 1
---@field clip? boolean false
---@field done_of? "step"|"state" "step"
---@field break_on? string[] rules such as "x>0.05", "x-v>0.001", "x-v>20*"
---@field outlier? number 6 standard deviations

---@class tide.text_log_report
---@field file_rows integer
---@field rows integer
---@field left_out integer
---@field terminals integer
---@field timeouts integer
---@field outside integer rows with an action outside [-1, 1]
---@field breaks { rule: string, limit: number, count: integer, first_line?: integer }[]
---@field outliers { column: string, count: integer, value: number, line: integer }[]

---@class tide.text_log
---@field defaults tide.text_log_options
local text_log = {}

---@param path string
---@param output string
---@param given? tide.text_log_options
---@return tide.text_log_report
function text_log.import(path, output, given) end
