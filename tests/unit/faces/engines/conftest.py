"""The engines and photographs of the folder above serve here too."""
