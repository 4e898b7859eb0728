#include "prompt/prompt.h"
