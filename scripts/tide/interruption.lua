--- Work that a signal ended: what is raised then, and how a program says it to its shell.
local process = require("tide.core").process

local interruption = {}

local kind = { __tostring = function(self) return self.message end }

-- As a shell reports a program that a signal ended.
local exit_codes = { SIGINT = 130, SIGTERM = 143, SIGUSR1 = 138 }

--- An error to raise: { interrupted = true, signal =, message = }.
function interruption.new(signal, message)
  return setmetatable({ interrupted = true, signal = signal, message = message }, kind)
end

--- Whether an error is one of these.
function interruption.is(problem)
  return type(problem) == "table" and problem.interrupted == true
end

--- Raises one where a signal came, if signals are caught.
function interruption.check()
  local signal = process.signalled()
  if signal then error(interruption.new(signal, "interrupted by " .. signal), 0) end
end

function interruption.exit_code(signal)
  return exit_codes[signal] or 1
end

return interruption
