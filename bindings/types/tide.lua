---@meta tide
--- What a script sees through `require "tide"`. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide: tide.operations
---@field version string
---@field agents tide.agents
---@field world tide.world_maker
---@field gap tide.gap_module
---@field env tide.env_module
---@field dataset tide.dataset_module
---@field recipes tide.recipes
---@field plot tide.plot
---@field traces tide.traces
---@field tabular tide.tabular
---@field picture tide.picture_module
---@field video tide.video_module
---@field sweep tide.sweep_module
---@field text_log tide.text_log
---@field evaluation tide.evaluation_module
---@field network tide.network
---@field discriminators tide.discriminators
---@field conservative tide.conservative
local tide = {}

return tide
