/* The digits of shapes: those of ASCII. */

#ifndef LOGSCAN_DIGITS_H
#define LOGSCAN_DIGITS_H

#include <stdint.h>

static inline uint8_t is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

#endif
