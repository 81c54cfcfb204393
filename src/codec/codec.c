#include "config.h"
#include "codec/codec.h"
