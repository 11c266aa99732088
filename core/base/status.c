#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[1024];

tide_status tide_fail(tide_status status, const char *format, ...)
{
    /* An argument may point into the old message, so the new one is made beside it. */
    char fresh[sizeof message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fresh, sizeof fresh, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = fresh[i];
    return status;
}

const char *tide_message(void)
{
    return message;
}
