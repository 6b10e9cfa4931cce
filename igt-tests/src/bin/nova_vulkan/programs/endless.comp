// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 1) in;
layout(binding = 0) coherent volatile buffer A { uint end; };

void main()
{
    while (end == 0) {
    }
}
