// Declarations pass what they say, byte for byte: structs of one field, enums and addresses need no conversion.
[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]
